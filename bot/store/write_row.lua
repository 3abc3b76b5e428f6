-- Writes a delivery's progress. Answers 0 if the caller lost the lane's lease, or if the row is gone.
-- KEYS: (3 of the fence), lease   ARGV: token, id, row
if redis.call('GET', KEYS[4]) ~= ARGV[1] then return 0 end
if redis.call('HEXISTS', KEYS[1], ARGV[2]) == 0 then return 0 end
redis.call('HSET', KEYS[1], ARGV[2], ARGV[3])
return written(1)
