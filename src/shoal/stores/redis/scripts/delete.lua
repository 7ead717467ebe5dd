-- ARGV: feed limit, end of the tombstones ('' for none), ids. Answers how many went.
local gone = 0
for at = 3, #ARGV do
  if remove(ARGV[at], tonumber(ARGV[2])) then gone = gone + 1 end
end
trim(ARGV[1])
return gone
