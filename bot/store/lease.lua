-- The right to send to one channel, taken anew or kept on. Answers the token, or 0 where another holds it.
-- KEYS: lease, lease_tokens   ARGV: token held (0: none), milliseconds
local holder = redis.call('GET', KEYS[1])
if holder and holder ~= ARGV[1] then return 0 end
local token = holder or tostring(redis.call('INCR', KEYS[2]))
redis.call('SET', KEYS[1], token, 'PX', ARGV[2])
return tonumber(token)
