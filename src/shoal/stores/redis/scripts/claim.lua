-- Take what is due. ARGV: now, limit, limit of verified ones, end of the claim, 1 for whole records (0: ids only).
-- Answers id, record, id, record, ... or id, id, ...
local now, whole = ARGV[1], ARGV[5] == '1'
come_back(now)
local claimed = {}
local taken = 0
local function take(from, most)
  if most <= 0 then return end
  for _, id in ipairs(redis.call('ZRANGEBYSCORE', P .. from, '-inf', now, 'LIMIT', 0, most)) do
    redis.call('ZREM', P .. 'due', id)
    redis.call('ZREM', P .. 'due-verified', id)
    redis.call('ZADD', P .. 'claims', ARGV[4], id)
    claimed[#claimed + 1] = id
    if whole then claimed[#claimed + 1] = load(id) end
    taken = taken + 1
  end
end
take('due-verified', tonumber(ARGV[3]))
take('due', tonumber(ARGV[2]) - taken)
return claimed
