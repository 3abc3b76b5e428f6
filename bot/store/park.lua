-- A channel that does not take messages rests; those who made its watches are told, once.
-- KEYS: parked, deliveries, channels, sequence, writes, then outboxes   ARGV: channel, reason, then id, row, channel of each delivery
if redis.call('HSETNX', KEYS[1], ARGV[1], ARGV[2]) == 0 then return 0 end
for i = 3, #ARGV, 3 do
  if redis.call('HSETNX', KEYS[2], ARGV[i], ARGV[i + 1]) == 1 then
    redis.call('ZADD', KEYS[5 + i / 3], redis.call('INCR', KEYS[4]), ARGV[i])
    redis.call('SADD', KEYS[3], ARGV[i + 2])
  end
end
redis.call('INCR', KEYS[5])
return 1
