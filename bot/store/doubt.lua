-- Records that Redis lost writes.
-- KEYS: (3 of the fence), heartbeat   ARGV: when a bot found out
redis.call('HSET', KEYS[4], 'doubt', ARGV[1])
return written(1)
