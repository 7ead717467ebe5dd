-- Be the one who does a job. ARGV: job, holder, milliseconds. Answers 1 while this holder has it.
local key = P .. 'job:' .. ARGV[1]
local holder = redis.call('GET', key)
if holder and holder ~= ARGV[2] then return 0 end
if tonumber(ARGV[3]) > 0 then
  redis.call('SET', key, ARGV[2], 'PX', ARGV[3])
else
  redis.call('DEL', key)
end
return 1
