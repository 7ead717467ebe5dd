-- ARGV: code after which to begin ('' for the first), limit. Answers the fields of each link in the order of codes.
local from = ARGV[1] == '' and '-' or '(' .. ARGV[1]
local found = {}
for _, code in ipairs(redis.call('ZRANGEBYLEX', P .. 'link-codes', from, '+', 'LIMIT', 0, ARGV[2])) do
  found[#found + 1] = redis.call('HGETALL', P .. 'link:' .. code)
end
return found
