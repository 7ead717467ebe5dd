-- Put before every script. KEYS[1] is the prefix with its hash tag: all keys are made from it and share one slot.
-- A record is one string in one of 4,096 hashes, chosen by the first 12 bits of its id (8 bytes): head, key, origin,
-- body. The key is left out where it is plainly host:port. Numbers go to commands as '%.17g': Lua would cut them at 14
-- digits, and a time has 17.
local P = KEYS[1]
local HEAD, HEAD_SIZE = '<BdddI4I2I2', 33
local OWN, VERIFIED, CHECKED = 1, 2, 4

local function exact(number) return string.format('%.17g', number) end
local function has(flags, bit) return math.floor(flags / bit) % 2 == 1 end

local function bucket(id)
  local high, low = string.byte(id, 1, 2)
  return P .. string.format('r:%03x', high * 16 + math.floor(low / 16))
end

local function load(id) return redis.call('HGET', bucket(id), id) end

local function parse(blob)
  local flags, next_check, last_seen, last_ok, version, key_size, origin_size = struct.unpack(HEAD, blob)
  return {
    flags = flags, next_check = next_check, last_seen = last_seen, last_ok = last_ok, version = version,
    key = string.sub(blob, HEAD_SIZE + 1, HEAD_SIZE + key_size),
    origin = string.sub(blob, HEAD_SIZE + key_size + 1, HEAD_SIZE + key_size + origin_size),
    body = string.sub(blob, HEAD_SIZE + key_size + origin_size + 1),
  }
end

local function store(id, record)
  local blob = struct.pack(HEAD, record.flags, record.next_check, record.last_seen, record.last_ok, record.version,
    #record.key, #record.origin) .. record.key .. record.origin .. record.body
  redis.call('HSET', bucket(id), id, blob)
  return blob
end

local function move(counter, by)
  if by ~= 0 then redis.call('HINCRBY', P .. 'counters', counter, by) end
end

local function move_source(name, by)
  if redis.call('HINCRBY', P .. 'by-source', name, by) == 0 then redis.call('HDEL', P .. 'by-source', name) end
end

-- Origin: one byte of format, then msgpack of {claims, sources, tags}.
local function read_origin(data) return unpack(cmsgpack.unpack(string.sub(data, 2))) end
local function write_origin(claims, sources, tags)
  return string.char(1) .. cmsgpack.pack({claims, sources, tags})
end

local function contains(list, item)
  for _, one in ipairs(list) do
    if one == item then return true end
  end
  return false
end

-- Numbers of the change feed have no gaps, so that a follower sees when one is missing.
local function publish(kind, id, blob)
  local seq = redis.call('INCR', P .. 'seq')
  redis.call('XADD', P .. 'feed', string.format('%.0f-0', seq), kind, id .. blob)
end

local function trim(limit) redis.call('XTRIM', P .. 'feed', 'MAXLEN', limit) end

local function schedule(id, next_check, verified)
  local due = exact(next_check)
  redis.call('ZREM', P .. 'claims', id)
  redis.call('ZADD', P .. 'due', due, id)
  if verified then redis.call('ZADD', P .. 'due-verified', due, id) else redis.call('ZREM', P .. 'due-verified', id) end
end

-- Claims of whoever died come back; a bound, since nothing else runs meanwhile: the next call goes on.
local function come_back(now)
  for _, id in ipairs(redis.call('ZRANGEBYSCORE', P .. 'claims', '-inf', now, 'LIMIT', 0, 5000)) do
    local blob = load(id)
    if blob then
      local record = parse(blob)
      schedule(id, record.next_check, has(record.flags, VERIFIED))
    else
      redis.call('ZREM', P .. 'claims', id)
    end
  end
end

-- Forget a record; a tombstone stands until `tombstone` (nil: none). False when there was none.
local function remove(id, tombstone)
  local blob = load(id)
  if not blob then return false end
  local record = parse(blob)
  redis.call('HDEL', bucket(id), id)
  redis.call('ZREM', P .. 'due', id)
  redis.call('ZREM', P .. 'due-verified', id)
  redis.call('ZREM', P .. 'claims', id)
  if tombstone then redis.call('ZADD', P .. 'tombstones', exact(tombstone), id) end
  move('known', -1)
  if not has(record.flags, OWN) then move('public', -1) end
  if not has(record.flags, CHECKED) then move('unchecked', -1) end
  local _, sources = read_origin(record.origin)
  for _, name in ipairs(sources) do move_source(name, -1) end
  if has(record.flags, VERIFIED) then
    redis.call('SREM', P .. 'verified', id)
    publish('g', id, blob)
  end
  return true
end
