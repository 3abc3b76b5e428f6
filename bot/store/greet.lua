-- Introduces a process. This write lets a process that writes nothing else notice an emptied Redis.
-- KEYS: the caller's own count of writes
local count = redis.call('INCR', KEYS[1])
redis.call('EXPIRE', KEYS[1], 604800)
return { life(), count }
