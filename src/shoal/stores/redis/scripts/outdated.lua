-- Drop tombstones, leases and links that are over, up to 1,000 of a kind. ARGV: now. Answers 1 while more are left.
local more = 0
redis.call('ZREMRANGEBYSCORE', P .. 'tombstones', '-inf', ARGV[1])
local leases = redis.call('ZRANGEBYSCORE', P .. 'lease-ends', '-inf', ARGV[1], 'LIMIT', 0, 1000)
for _, lease in ipairs(leases) do
  local kept = redis.call('HGET', P .. 'leases', lease)
  if kept then redis.call('ZREM', P .. 'holders:' .. string.sub(kept, 10, 17), lease) end
  redis.call('HDEL', P .. 'leases', lease)
  redis.call('ZREM', P .. 'lease-ends', lease)
end
local links = redis.call('ZRANGEBYSCORE', P .. 'link-ends', '-inf', ARGV[1], 'LIMIT', 0, 1000)
for _, code in ipairs(links) do
  local way = redis.call('HGET', P .. 'link:' .. code, 'way')
  if way and way ~= '' then redis.call('HDEL', P .. 'link-ways', way) end
  redis.call('DEL', P .. 'link:' .. code)
  redis.call('ZREM', P .. 'link-codes', code)
  redis.call('ZREM', P .. 'link-ends', code)
end
if #leases == 1000 or #links == 1000 then more = 1 end
return more
