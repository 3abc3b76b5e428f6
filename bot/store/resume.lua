-- Resumes a channel. Answers 0 if it was not suspended.
-- KEYS: (3 of the fence), suspended, watches_version, resumed, suspend notice
-- ARGV: channel, time, seconds to keep the suspend notice (0: delete it)
if redis.call('HDEL', KEYS[4], ARGV[1]) == 0 then return 0 end
redis.call('INCR', KEYS[5])
redis.call('HSET', KEYS[6], ARGV[1], ARGV[2])
redis.call('EXPIRE', KEYS[7], ARGV[3])
return written(1)
