-- expire KEY... ms...: lets each key live ms longer at the most. Never lengthens; a key without a TTL
-- gets one. 1 if the TTL was set, 0 if the key is absent or ends sooner anyway.
-- LT is known from Redis 7 on and, unlike PTTL, counts as neither hit nor miss.

local nr = #keys

local function apply(i)
    local key, life = keys[i], args[i]
    local done = try('PEXPIRE', key, life, 'LT')
    if type(done) ~= 'table' then
        return done
    end
    local left = call('PTTL', key)
    if left == -1 or left > tonumber(life) then
        return call('PEXPIRE', key, life)
    end
    return 0
end
