-- ARGV: now. Answers due, the counters, and records by source.
-- What was claimed before it was due is not due when its claim has run out.
come_back(ARGV[1])
local due = redis.call('ZCOUNT', P .. 'due', '-inf', ARGV[1]) + redis.call('ZCOUNT', P .. 'claims', '-inf', ARGV[1])
return {due, redis.call('SCARD', P .. 'verified'), redis.call('HMGET', P .. 'counters', 'known', 'unchecked'),
  redis.call('HGETALL', P .. 'by-source')}
