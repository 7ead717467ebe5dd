-- Write a value if another stands there. ARGV: name, 1 when something must stand there (0: nothing may), what, value.
-- Answers 1 when it was written.
local kept = redis.call('HGET', P .. 'meta', ARGV[1])
if (ARGV[2] == '0' and kept) or (ARGV[2] == '1' and kept ~= ARGV[3]) then return 0 end
redis.call('HSET', P .. 'meta', ARGV[1], ARGV[4])
return 1
