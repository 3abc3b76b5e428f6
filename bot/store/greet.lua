-- Introduces a process. This is its first write, so a process that writes nothing else notices an emptied Redis too.
-- KEYS: the caller's own count of writes
local count = redis.call('INCR', KEYS[1])
redis.call('EXPIRE', KEYS[1], 604800)
return { life(), count }
