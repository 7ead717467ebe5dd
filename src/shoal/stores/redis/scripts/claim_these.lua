-- Take these, whenever they are due. ARGV: now, end of the claim, then ids.
-- Answers id, record, id, record, ... of those that exist and that nobody has claimed.
local now = tonumber(ARGV[1])
local claimed = {}
for at = 3, #ARGV do
  local id = ARGV[at]
  local until_ = redis.call('ZSCORE', P .. 'claims', id)
  if not until_ or tonumber(until_) <= now then
    local blob = load(id)
    if blob then
      redis.call('ZREM', P .. 'due', id)
      redis.call('ZREM', P .. 'due-verified', id)
      redis.call('ZADD', P .. 'claims', ARGV[2], id)
      claimed[#claimed + 1] = id
      claimed[#claimed + 1] = blob
    end
  end
end
return claimed
