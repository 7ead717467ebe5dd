-- Insert what is new, refresh what is known. ARGV: feed limit, now, imported, capacity ('' for none), then per
-- candidate: id, own, scheme, source, tags (msgpack), next check, key, body. Answers {new, known, tombstoned,
-- full, places of the new ones from 0}.
local now, imported = tonumber(ARGV[2]), ARGV[3] == '1'
local capacity = tonumber(ARGV[4])
local new, known, tombstoned, full = 0, 0, 0, 0
local places = {}
local public = tonumber(redis.call('HGET', P .. 'counters', 'public') or 0)

local function refresh(id, blob, own, scheme, source, more)
  local record = parse(blob)
  local claims, sources, tags = read_origin(record.origin)
  local changed = false
  if scheme ~= '' and claims[1] ~= scheme then
    local ordered = {scheme}
    for _, claim in ipairs(claims) do
      if claim ~= scheme then ordered[#ordered + 1] = claim end
    end
    claims, changed = ordered, true
  end
  if not contains(sources, source) then
    sources[#sources + 1], changed = source, true
    move_source(source, 1)
  end
  for _, tag in ipairs(more) do
    if not contains(tags, tag) then tags[#tags + 1], changed = tag, true end
  end
  if own and not has(record.flags, OWN) then
    record.flags, changed = record.flags + OWN, true
    move('public', -1)
    public = public - 1
  end
  if changed then record.origin = write_origin(claims, sources, tags) end
  if now > record.last_seen then record.last_seen, changed = now, true end
  if changed then
    blob = store(id, record)
    if has(record.flags, VERIFIED) then publish('s', id, blob) end
  end
end

for at = 5, #ARGV, 8 do
  local id, own, scheme, source = ARGV[at], ARGV[at + 1] == '1', ARGV[at + 2], ARGV[at + 3]
  local tags = cmsgpack.unpack(ARGV[at + 4])
  if imported then redis.call('ZREM', P .. 'tombstones', id) end
  local blob = load(id)
  local tombstone = not blob and redis.call('ZSCORE', P .. 'tombstones', id)
  if blob then
    refresh(id, blob, own, scheme, source, tags)
    known = known + 1
  elseif tombstone and tonumber(tombstone) > now then
    tombstoned = tombstoned + 1
  elseif capacity and not own and public >= capacity then
    full = full + 1
  else
    local unique = {}
    for _, tag in ipairs(tags) do
      if not contains(unique, tag) then unique[#unique + 1] = tag end
    end
    local next_check = tonumber(ARGV[at + 5])
    store(id, {
      flags = own and OWN or 0, next_check = next_check, last_seen = now, last_ok = 0, version = 0,
      key = ARGV[at + 6], origin = write_origin(scheme == '' and {} or {scheme}, {source}, unique), body = ARGV[at + 7],
    })
    schedule(id, next_check, false)
    move('known', 1)
    move('unchecked', 1)
    move_source(source, 1)
    if not own then
      move('public', 1)
      public = public + 1
    end
    new = new + 1
    places[new] = (at - 5) / 8
  end
end
trim(ARGV[1])
return {new, known, tombstoned, full, places}
