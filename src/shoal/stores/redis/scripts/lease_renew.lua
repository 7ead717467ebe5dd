-- ARGV: lease id, now, new end. Answers 1, or 0 when the lease had run out or never was.
local kept = redis.call('HGET', P .. 'leases', ARGV[1])
if not kept or struct.unpack('<d', kept) <= tonumber(ARGV[2]) then return 0 end
redis.call('HSET', P .. 'leases', ARGV[1], struct.pack('<d', tonumber(ARGV[3])) .. string.sub(kept, 9))
redis.call('ZADD', P .. 'lease-ends', ARGV[3], ARGV[1])
redis.call('ZADD', P .. 'holders:' .. string.sub(kept, 10, 17), ARGV[3], ARGV[1])
return 1
