-- Records a heartbeat and enqueues deliveries with it.
-- KEYS: (3 of the fence), heartbeat, then outboxes
-- ARGV: time, run id of this Redis, since when all closely watched pipelines were read, the promised age that is not kept
--       or '', the time of a report about a gap or '', '1' if the first listing goes on or '', then lane, id, row of each
--       delivery
redis.call('HSET', KEYS[4], 'at', ARGV[1], 'run_id', ARGV[2], 'read_since', ARGV[3], 'late_promise', ARGV[4],
  'still_listing', ARGV[6])
if ARGV[5] ~= '' then redis.call('HSET', KEYS[4], 'gap_reported', ARGV[5]) end
for i = 7, #ARGV, 3 do
  enqueue(KEYS[5 + (i - 7) / 3], ARGV[i], ARGV[i + 1], ARGV[i + 2])
end
return written(1)
