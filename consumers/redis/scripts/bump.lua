-- KEYS: counters. ARGV, by counter: how many bumps, the event's time in ms or '', the start, 'time' or
-- 'increment'. 1 each. A counter that moves by time never repeats a value, even after its key was
-- lost. No TTL stays on it.

local nr = #keys

-- So many digits are exact in a double.
local EXACT = 15

local function refuse(why)
    return redis.error_reply('NOTACOUNTER ' .. why)
end

local function now_ms()
    local time = call('TIME')
    return time[1] .. string.format('%03d', math.floor(tonumber(time[2]) / 1000))
end

-- One write where the sum can be told beforehand. False where it cannot, or memory is full.
local function move_at_once(key, current, times, at_least)
    if #current > EXACT or #at_least > EXACT then
        return false
    end
    local sum = string.format('%.0f', current + times)
    if at_least ~= '' and compare(at_least, sum) > 0 then
        sum = at_least
    end
    return not is_error(try('SET', key, sum))
end

-- The counter as it begins; nil, or why it cannot.
local function begin(key, at_least, start, by_time)
    call('SET', key, start)
    if not by_time then
        return nil
    end
    if is_error(try('INCRBY', key, '1')) then
        call('UNLINK', key)
        return refuse('the start is out of range')
    end
    local floor = now_ms()
    if at_least ~= '' and compare(at_least, floor) > 0 then
        floor = at_least
    end
    if compare(floor, call('GET', key)) > 0 then
        call('SET', key, floor)
    end
    call('DECRBY', key, '1')
    return nil
end

local function apply(i)
    local key, at = keys[i], 4 * i
    local times, start, by_time = args[at - 3], args[at - 1], args[at] == 'time'
    local at_least = by_time and args[at - 2] or ''
    local current = try('GET', key)
    if type(current) == 'table' then
        return refuse('the key holds no string')
    end
    if current and not (current == '0' or find(current, '^%-?[1-9]%d*$')) then
        return refuse('the value is not an integer')
    end
    if current and move_at_once(key, current, times, at_least) then
        return 1
    end
    -- Before the arithmetic: from its first write on a script is not stopped by a full memory.
    call('PERSIST', key)
    local failed = not current and begin(key, at_least, start, by_time)
    if failed then
        return failed
    end
    if is_error(try('INCRBY', key, times)) then
        return refuse('the sum is out of range')
    end
    if current and at_least ~= '' and compare(at_least, call('GET', key)) > 0 then
        call('SET', key, at_least)
    end
    return 1
end
