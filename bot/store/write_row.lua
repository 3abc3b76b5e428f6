-- A delivery's own state, by the holder of its channel only. 0: the lease is another's, or the row is gone.
-- KEYS: lease, deliveries, writes   ARGV: token, id, row
if redis.call('GET', KEYS[1]) ~= ARGV[1] then return 0 end
if redis.call('HEXISTS', KEYS[2], ARGV[2]) == 0 then return 0 end
redis.call('HSET', KEYS[2], ARGV[2], ARGV[3])
redis.call('INCR', KEYS[3])
return 1
