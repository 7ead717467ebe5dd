-- A worker is alive. ARGV: its name, what it says of itself ('' when it ends), then names and what to add to totals.
if ARGV[2] == '' then
  redis.call('HDEL', P .. 'workers', ARGV[1])
else
  redis.call('HSET', P .. 'workers', ARGV[1], ARGV[2])
end
for at = 3, #ARGV, 2 do redis.call('HINCRBY', P .. 'totals', ARGV[at], ARGV[at + 1]) end
return 0
