-- End a lease. ARGV: lease id, now. Answers the record's key, or false when the lease had run out or never was.
local kept = redis.call('HGET', P .. 'leases', ARGV[1])
if not kept then return false end
redis.call('HDEL', P .. 'leases', ARGV[1])
redis.call('ZREM', P .. 'lease-ends', ARGV[1])
redis.call('ZREM', P .. 'holders:' .. string.sub(kept, 10, 17), ARGV[1])
return struct.unpack('<d', kept) > tonumber(ARGV[2]) and string.sub(kept, 18)
