-- KEYS: the keys, then their companions. ARGV, by key: version, the tombstone's life in ms. How many
-- keys were deleted. The version stays behind as a tombstone. UNLINK comes first: it is never refused
-- for memory, and after it nothing of this script is.

local nr = #keys / 2

local function apply(i)
    local key, companion, version, memory = keys[i], keys[nr + i], args[2 * i - 1], args[2 * i]
    local order = order_of(version, call('GET', companion))
    if order == -1 and is_explicit(version) then
        return 0
    end
    local deleted = call('UNLINK', key)
    if order ~= -1 then
        call('SET', companion, version, 'PX', memory)
    end
    return deleted
end
