-- ARGV: code. Answers 1 when it went.
local key = P .. 'link:' .. ARGV[1]
local way = redis.call('HGET', key, 'way')
if not way then return 0 end
if way ~= '' then redis.call('HDEL', P .. 'link-ways', way) end
redis.call('DEL', key)
redis.call('ZREM', P .. 'link-codes', ARGV[1])
redis.call('ZREM', P .. 'link-ends', ARGV[1])
return 1
