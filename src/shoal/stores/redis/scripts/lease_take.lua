-- Grant a lease if the rules allow it. ARGV: lease id, record id, record key, now, end, capacity, exclusive.
local lease, id, now = ARGV[1], ARGV[2], tonumber(ARGV[4])
local holders = P .. 'holders:' .. id
local function end_time(name)
  local kept = redis.call('HGET', P .. 'leases', name)
  return kept and struct.unpack('<d', kept), kept
end
local function forget(name)
  redis.call('HDEL', P .. 'leases', name)
  redis.call('ZREM', P .. 'lease-ends', name)
end
if not load(id) then return 0 end
local stands = end_time(lease)
if stands and stands > now then return 0 end
for _, name in ipairs(redis.call('ZRANGEBYSCORE', holders, '-inf', ARGV[4])) do
  local until_ = end_time(name)
  if until_ and until_ <= now then forget(name) end
end
redis.call('ZREMRANGEBYSCORE', holders, '-inf', ARGV[4])
local standing = redis.call('ZRANGE', holders, 0, -1)
if #standing >= tonumber(ARGV[6]) then return 0 end
if #standing > 0 then
  if ARGV[7] == '1' then return 0 end
  for _, name in ipairs(standing) do
    local _, kept = end_time(name)
    if kept and string.byte(kept, 9) == 1 then return 0 end
  end
end
redis.call('HSET', P .. 'leases', lease, struct.pack('<dB', tonumber(ARGV[5]), tonumber(ARGV[7])) .. id .. ARGV[3])
redis.call('ZADD', P .. 'lease-ends', ARGV[5], lease)
redis.call('ZADD', holders, ARGV[5], lease)
return 1
