-- KEYS: (3 of the fence), heartbeat   ARGV: when it was found that Redis went back in time
redis.call('HSET', KEYS[4], 'doubt', ARGV[1])
return written(1)
