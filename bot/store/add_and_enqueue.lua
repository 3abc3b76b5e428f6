-- Adds a row to a hash, and enqueues deliveries with it. Does nothing if the field has a row.
-- KEYS: (3 of the fence), hash, then outboxes
-- ARGV: field, row, then lane, id, row of each delivery
if redis.call('HSETNX', KEYS[4], ARGV[1], ARGV[2]) == 0 then return 0 end
for i = 3, #ARGV, 3 do
  enqueue(KEYS[5 + (i - 3) / 3], ARGV[i], ARGV[i + 1], ARGV[i + 2])
end
return written(1)
