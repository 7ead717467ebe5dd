-- Count a visit. ARGV: code, now. Answers the link's fields, or false when there is none or it is over.
local key = P .. 'link:' .. ARGV[1]
local kept = redis.call('HMGET', key, 'expires_at', 'click_limit', 'clicks')
if not kept[1] then return false end
local ends, limit, clicks = tonumber(kept[1]), tonumber(kept[2]), tonumber(kept[3])
if (ends > 0 and ends <= tonumber(ARGV[2])) or (limit > 0 and limit <= clicks) then return false end
redis.call('HINCRBY', key, 'clicks', 1)
redis.call('HSET', key, 'last_click', ARGV[2])
return redis.call('HGETALL', key)
