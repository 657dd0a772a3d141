-- KEYS: key, companion. ARGV: version, the tombstone's life in ms. Returns how many keys were deleted.
-- The version stays behind as a tombstone. UNLINK comes first: it is never refused for memory, and
-- after it nothing of this script is.

local key, companion, version, memory = KEYS[1], KEYS[2], ARGV[1], ARGV[2]

local order = order_of(version, redis.call('GET', companion))
if order == -1 and is_explicit(version) then
    return 0
end
local deleted = redis.call('UNLINK', key)
if order ~= -1 then
    redis.call('SET', companion, version, 'PX', memory)
end
return deleted
