-- Records a heartbeat and enqueues deliveries with it. Answers -3, and writes nothing, if the caller lost the leader's lease:
-- an older time would look like a gap in the polling.
-- KEYS: (3 of the fence), heartbeat, the leader's lease, then outboxes
-- ARGV: token of the leader or '', time, run id of this Redis, since when all closely watched pipelines were read, the promised age
--       that is not kept or '', then lane, id, row of each delivery
if ARGV[1] ~= '' and ARGV[1] ~= redis.call('GET', KEYS[5]) then return -3 end
redis.call('HSET', KEYS[4], 'at', ARGV[2], 'run_id', ARGV[3], 'read_since', ARGV[4], 'late_promise', ARGV[5])
for i = 6, #ARGV, 3 do
  enqueue(KEYS[6 + (i - 6) / 3], ARGV[i], ARGV[i + 1], ARGV[i + 2])
end
return written(1)
