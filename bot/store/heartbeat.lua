-- Records a heartbeat and enqueues deliveries with it.
-- KEYS: (3 of the fence), heartbeat, then outboxes
-- ARGV: time, run id of this Redis, since when all closely watched pipelines were read, then lane, id, row of each delivery
redis.call('HSET', KEYS[4], 'at', ARGV[1], 'run_id', ARGV[2], 'read_since', ARGV[3])
for i = 4, #ARGV, 3 do
  enqueue(KEYS[4 + (i - 1) / 3], ARGV[i], ARGV[i + 1], ARGV[i + 2])
end
return written(1)
