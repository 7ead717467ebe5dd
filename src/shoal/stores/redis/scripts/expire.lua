-- Forget what nobody lists and does not work. ARGV: feed limit, latest last seen, latest last ok, first and last bucket.
-- Answers how many went.
local seen, ok = tonumber(ARGV[2]), tonumber(ARGV[3])
local gone = 0
for number = tonumber(ARGV[4]), tonumber(ARGV[5]) do
  local content = redis.call('HGETALL', P .. string.format('r:%03x', number))
  for at = 1, #content, 2 do
    local flags, _, last_seen, last_ok = struct.unpack(HEAD, content[at + 1])
    if not has(flags, OWN) and last_seen <= seen and (last_ok == 0 or last_ok <= ok) then
      remove(content[at], nil)
      gone = gone + 1
    end
  end
end
trim(ARGV[1])
return gone
