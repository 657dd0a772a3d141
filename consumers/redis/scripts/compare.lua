-- What every script begins with. Numbers stay text: a Lua number is a double and rounds at 2^53.

local keys, args, call, try = KEYS, ARGV, redis.call, redis.pcall
local find, byte = string.find, string.byte

local function compare(a, b)
    if a == b then
        return 0
    end
    local a_minus, b_minus = byte(a) == 45, byte(b) == 45
    if a_minus ~= b_minus then
        return a_minus and -1 or 1
    end
    local order
    if #a ~= #b then
        order = #a < #b and -1 or 1
    else
        order = a < b and -1 or 1
    end
    return a_minus and -order or order
end

-- A version is "e:N" (explicit, from the database) or "c:N" (the clock stood in).
-- 1: newer than the one remembered, or none is; 0: equal; -1: older; nil: they do not compare.
local function order_of(version, remembered)
    if not remembered then
        return 1
    end
    if byte(remembered) ~= byte(version) or not find(remembered, '^[ec]:%-?%d+$') then
        return nil
    end
    return compare(version:sub(3), remembered:sub(3))
end

local function is_explicit(version)
    return byte(version) == 101
end

local function is_error(answer)
    return type(answer) == 'table' and answer.err ~= nil
end
