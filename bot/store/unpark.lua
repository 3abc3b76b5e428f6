-- KEYS: (3 of the fence), parked, watches_version, then outboxes   ARGV: channel, then lane, id, row of each delivery
if redis.call('HDEL', KEYS[4], ARGV[1]) == 0 then return 0 end
redis.call('INCR', KEYS[5])
for i = 2, #ARGV, 3 do
  enqueue(KEYS[5 + (i + 1) / 3], ARGV[i], ARGV[i + 1], ARGV[i + 2])
end
return written(1)
