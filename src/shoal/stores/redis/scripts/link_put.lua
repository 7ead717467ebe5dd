-- Keep a new link. ARGV: code, way ('' when not shared), end ('0' for never), then its fields and values. Answers the
-- fields of the link that stands, or false when the code is taken.
local code, way = ARGV[1], ARGV[2]
if way ~= '' then
  local other = redis.call('HGET', P .. 'link-ways', way)
  if other then return redis.call('HGETALL', P .. 'link:' .. other) end
end
if redis.call('EXISTS', P .. 'link:' .. code) == 1 then return false end
redis.call('HSET', P .. 'link:' .. code, 'code', code, 'way', way, 'clicks', 0, 'last_click', 0, unpack(ARGV, 4))
redis.call('ZADD', P .. 'link-codes', 0, code)
if ARGV[3] ~= '0' then redis.call('ZADD', P .. 'link-ends', ARGV[3], code) end
if way ~= '' then redis.call('HSET', P .. 'link-ways', way, code) end
return redis.call('HGETALL', P .. 'link:' .. code)
