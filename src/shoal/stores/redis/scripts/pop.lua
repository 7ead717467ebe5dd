-- ARGV: feed limit, end of the tombstone ('' for none), id, now. Answers 1 when it went, 0 otherwise.
local id, now = ARGV[3], tonumber(ARGV[4])
for _, lease in ipairs(redis.call('ZRANGEBYSCORE', P .. 'holders:' .. id, '(' .. ARGV[4], '+inf')) do
  local kept = redis.call('HGET', P .. 'leases', lease)
  if kept and string.byte(kept, 9) == 1 then return 0 end
end
local gone = remove(id, tonumber(ARGV[2])) and 1 or 0
trim(ARGV[1])
return gone
