-- Records that all keys have their new names, and stops bots of the older version.
-- KEYS: lease, schema, the key that stops them   ARGV: token, version, text for people who look at that key
if redis.call('GET', KEYS[1]) ~= ARGV[1] then return 0 end
redis.call('SET', KEYS[3], ARGV[3])
redis.call('SET', KEYS[2], ARGV[2])
return 1
