-- KEYS: (3 of the fence), parked, watches_version, woken   ARGV: channel, when it wakes
if redis.call('HDEL', KEYS[4], ARGV[1]) == 0 then return 0 end
redis.call('INCR', KEYS[5])
redis.call('HSET', KEYS[6], ARGV[1], ARGV[2])
return written(1)
