-- ARGV: feed limit, tags to give (msgpack), tags to take (msgpack), ids. Answers id, record, ... of those that exist.
local given, taken = cmsgpack.unpack(ARGV[2]), cmsgpack.unpack(ARGV[3])
local found = {}
for at = 4, #ARGV do
  local id = ARGV[at]
  local blob = load(id)
  if blob then
    local record = parse(blob)
    local claims, sources, tags = read_origin(record.origin)
    for _, tag in ipairs(given) do
      if not contains(tags, tag) then tags[#tags + 1] = tag end
    end
    local kept = {}
    for _, tag in ipairs(tags) do
      if not contains(taken, tag) then kept[#kept + 1] = tag end
    end
    record.origin = write_origin(claims, sources, kept)
    blob = store(id, record)
    if has(record.flags, VERIFIED) then publish('s', id, blob) end
    found[#found + 1] = id
    found[#found + 1] = blob
  end
end
trim(ARGV[1])
return found
