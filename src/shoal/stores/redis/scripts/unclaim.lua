-- Give claims back. ARGV: ids.
for _, id in ipairs(ARGV) do
  if redis.call('ZSCORE', P .. 'claims', id) then
    local blob = load(id)
    if blob then
      local record = parse(blob)
      schedule(id, record.next_check, has(record.flags, VERIFIED))
    end
  end
end
return 0
