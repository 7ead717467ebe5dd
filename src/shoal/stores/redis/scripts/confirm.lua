-- Go on with claims that still stand. ARGV: their end as it was told ('' for any that has not run out), their new end,
-- now, then ids. Answers id, record, ... of those whose claim is still the same one.
local found = {}
for at = 4, #ARGV do
  local id = ARGV[at]
  local until_ = redis.call('ZSCORE', P .. 'claims', id)
  if until_ then
    local same = tonumber(until_) == tonumber(ARGV[1])
    if ARGV[1] == '' then same = tonumber(until_) > tonumber(ARGV[3]) end
    local blob = same and load(id)
    if blob then
      redis.call('ZADD', P .. 'claims', ARGV[2], id)
      found[#found + 1] = id
      found[#found + 1] = blob
    end
  end
end
return found
