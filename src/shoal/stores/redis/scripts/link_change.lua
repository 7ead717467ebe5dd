-- Write a link again; it is shared no longer. ARGV: code, end ('0' for never), then fields and values. Answers the
-- link's fields, or false when it is gone.
local key = P .. 'link:' .. ARGV[1]
local way = redis.call('HGET', key, 'way')
if not way then return false end
if way ~= '' then redis.call('HDEL', P .. 'link-ways', way) end
redis.call('HSET', key, 'way', '', unpack(ARGV, 3))
if ARGV[2] ~= '0' then
  redis.call('ZADD', P .. 'link-ends', ARGV[2], ARGV[1])
else
  redis.call('ZREM', P .. 'link-ends', ARGV[1])
end
return redis.call('HGETALL', key)
