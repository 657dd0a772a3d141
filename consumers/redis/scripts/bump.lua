-- KEYS: counter. ARGV: how many bumps, the event's time in ms or '', the start, 'time' or 'increment'.
-- A counter that moves by time never repeats a value, even after its key was lost. No TTL stays on it.

local key, times, at_least, start = KEYS[1], ARGV[1], ARGV[2], ARGV[3]
local by_time = ARGV[4] == 'time'

local function refuse(why)
    return redis.error_reply('NOTACOUNTER ' .. why)
end

local function now_ms()
    local time = redis.call('TIME')
    return time[1] .. string.format('%03d', math.floor(tonumber(time[2]) / 1000))
end

local current = redis.pcall('GET', key)
if type(current) == 'table' then
    return refuse('the key holds no string')
end
if current and not (current == '0' or current:find('^%-?[1-9]%d*$')) then
    return refuse('the value is not an integer')
end

-- Before the arithmetic: from its first write on a script is not stopped by a full memory.
redis.call('PERSIST', key)

if not current then
    redis.call('SET', key, start)
    if by_time then
        local first = redis.pcall('INCRBY', key, '1')
        if type(first) == 'table' then
            redis.call('UNLINK', key)
            return refuse('the start is out of range')
        end
        local floor = now_ms()
        if at_least ~= '' and compare(at_least, floor) > 0 then
            floor = at_least
        end
        if compare(floor, redis.call('GET', key)) > 0 then
            redis.call('SET', key, floor)
        end
        if times == '1' then
            return 1
        end
        redis.call('DECRBY', key, '1')
    end
end

local moved = redis.pcall('INCRBY', key, times)
if type(moved) == 'table' then
    return refuse('the sum is out of range')
end
if current and by_time and at_least ~= '' and compare(at_least, redis.call('GET', key)) > 0 then
    redis.call('SET', key, at_least)
end
return 1
