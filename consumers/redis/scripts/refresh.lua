-- KEYS: key, companion. ARGV: version, value, its life in ms, the companion's life in ms,
-- 'always', 'exists' or 'missing'. Returns how many keys were deleted.
-- Carries no flag: where memory is full the SET fails before anything was written, and the refresh
-- becomes a guarded delete.

local key, companion = KEYS[1], KEYS[2]
local version, value, life, memory, condition = ARGV[1], ARGV[2], ARGV[3], ARGV[4], ARGV[5]

local function store()
    local stored
    if condition == 'exists' then
        stored = redis.pcall('SET', key, value, 'PX', life, 'XX')
    elseif condition == 'missing' then
        stored = redis.pcall('SET', key, value, 'PX', life, 'NX')
    else
        stored = redis.pcall('SET', key, value, 'PX', life)
    end
    if type(stored) ~= 'table' or not stored.err then
        return 0, nil
    end
    if stored.err:find('OOM', 1, true) then
        return redis.call('UNLINK', key), nil
    end
    return 0, stored
end

local order = order_of(version, redis.call('GET', companion))
local deleted = 0

if order == 1 then
    local failed
    deleted, failed = store()
    if failed then
        return failed
    end
    redis.call('SET', companion, version, 'PX', memory)
elseif order == 0 then
    local held = redis.pcall('GET', key)
    if held and held ~= value then
        deleted = redis.call('UNLINK', key)
    end
elseif order == -1 then
    if not is_explicit(version) then
        deleted = redis.call('UNLINK', key)
    end
else
    deleted = redis.call('UNLINK', key)
    redis.call('SET', companion, version, 'PX', memory)
end
return deleted
