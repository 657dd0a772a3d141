-- KEYS: the keys, then their companions. ARGV, by key: version, value, its life in ms, the companion's
-- life in ms, 'always', 'exists' or 'missing'. How many keys were deleted.
-- Carries no flag: where memory is full the first SET fails before anything was written. From then on
-- the refreshes of this call are guarded deletes, although Redis would let them pass.

local nr = #keys / 2
local is_full = false

local function store(key, value, life, condition)
    if condition == 'always' then
        return try('SET', key, value, 'PX', life)
    end
    return try('SET', key, value, 'PX', life, condition == 'exists' and 'XX' or 'NX')
end

local function apply(i)
    local key, companion, at = keys[i], keys[nr + i], 5 * i
    local version, value = args[at - 4], args[at - 3]
    local order = order_of(version, call('GET', companion))
    if order == 0 then
        local held = try('GET', key)
        return held and held ~= value and call('UNLINK', key) or 0
    end
    if order == -1 then
        return is_explicit(version) and 0 or call('UNLINK', key)
    end
    local deleted = 0
    if order == 1 and not is_full then
        local stored = store(key, value, args[at - 2], args[at])
        if is_error(stored) then
            if not find(stored.err, 'OOM', 1, true) then
                return stored
            end
            is_full = true
        end
    end
    if order == nil or is_full then
        deleted = call('UNLINK', key)
    end
    call('SET', companion, version, 'PX', args[at - 1])
    return deleted
end
