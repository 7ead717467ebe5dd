-- Records by id. ARGV: ids. Answers one string or false for each.
local found = {}
for _, id in ipairs(ARGV) do found[#found + 1] = load(id) end
return found
