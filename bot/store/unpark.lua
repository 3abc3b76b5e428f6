-- KEYS: (3 of the fence), parked, watches_version, woken, then outboxes
-- ARGV: channel, when it wakes, then lane, id, row of each delivery
if redis.call('HDEL', KEYS[4], ARGV[1]) == 0 then return 0 end
redis.call('INCR', KEYS[5])
redis.call('HSET', KEYS[6], ARGV[1], ARGV[2])
for i = 3, #ARGV, 3 do
  enqueue(KEYS[6 + i / 3], ARGV[i], ARGV[i + 1], ARGV[i + 2])
end
return written(1)
