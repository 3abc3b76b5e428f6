-- A channel that does not take messages rests; those who made its watches are told, once.
-- KEYS: (3 of the fence), parked, watches_version, then outboxes   ARGV: channel, reason, then lane, id, row of each delivery
if redis.call('HSETNX', KEYS[4], ARGV[1], ARGV[2]) == 0 then return 0 end
redis.call('INCR', KEYS[5])
for i = 3, #ARGV, 3 do
  enqueue(KEYS[5 + i / 3], ARGV[i], ARGV[i + 1], ARGV[i + 2])
end
return written(1)
