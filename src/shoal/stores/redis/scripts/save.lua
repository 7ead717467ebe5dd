-- Write new states and end their claims. ARGV: feed limit, then per record: id, flags, next check, last ok, version,
-- the version it was made from ('' for any), body. Answers per record 0 (written), 1 (gone), or the record as it
-- stands where that is another version.
local answers = {}
for at = 2, #ARGV, 7 do
  local id, base = ARGV[at], ARGV[at + 5]
  local blob = load(id)
  local answer = 0
  if not blob then
    answer = 1
  else
    local record = parse(blob)
    if base ~= '' and tonumber(base) ~= record.version then
      answer = blob
    else
      local flags = tonumber(ARGV[at + 1])
      local verified, was_verified = has(flags, VERIFIED), has(record.flags, VERIFIED)
      if has(flags, CHECKED) ~= has(record.flags, CHECKED) then move('unchecked', has(flags, CHECKED) and -1 or 1) end
      record.flags = flags + (has(record.flags, OWN) and OWN or 0)
      record.next_check, record.last_ok = tonumber(ARGV[at + 2]), tonumber(ARGV[at + 3])
      record.version, record.body = tonumber(ARGV[at + 4]), ARGV[at + 6]
      local written = store(id, record)
      schedule(id, record.next_check, verified)
      if verified then
        if not was_verified then redis.call('SADD', P .. 'verified', id) end
        publish('s', id, written)
      elseif was_verified then
        redis.call('SREM', P .. 'verified', id)
        publish('g', id, written)
      end
    end
  end
  answers[#answers + 1] = answer
end
trim(ARGV[1])
return answers
