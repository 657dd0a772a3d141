-- expire KEY ms: lets the key live ms longer at the most. Never lengthens; a key without a TTL gets
-- one. Returns 1 if the TTL was set, 0 if the key is absent or ends sooner anyway.
-- LT is known from Redis 7 on and, unlike PTTL, counts as neither hit nor miss.
local done = redis.pcall('PEXPIRE', KEYS[1], ARGV[1], 'LT')
if type(done) ~= 'table' then
    return done
end
local left = redis.call('PTTL', KEYS[1])
if left == -1 or left > tonumber(ARGV[1]) then
    return redis.call('PEXPIRE', KEYS[1], ARGV[1])
end
return 0
