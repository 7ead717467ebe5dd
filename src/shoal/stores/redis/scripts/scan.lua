-- Whole buckets in order. ARGV: first bucket (0 to 4095), least number of records. Answers the next bucket, then id,
-- record, ...
local number, wanted = tonumber(ARGV[1]), tonumber(ARGV[2])
local found = {0}
while number < 4096 and (#found - 1) / 2 < wanted do
  local content = redis.call('HGETALL', P .. string.format('r:%03x', number))
  for _, part in ipairs(content) do found[#found + 1] = part end
  number = number + 1
end
found[1] = number
return found
