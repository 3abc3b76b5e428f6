-- Watches added or removed, with the announcement in their channel.
-- KEYS: watches, watches_version, deliveries, channels, sequence, writes, parked, outbox
-- ARGV: 'add'|'remove', delivery id, delivery row, channel, then id, watch, id, watch... (watch '' when removed)
local changed = 0
for i = 5, #ARGV, 2 do
  if ARGV[1] == 'remove' then
    changed = changed + redis.call('HDEL', KEYS[1], ARGV[i])
  elseif redis.call('HGET', KEYS[1], ARGV[i]) ~= ARGV[i + 1] then
    redis.call('HSET', KEYS[1], ARGV[i], ARGV[i + 1])
    changed = changed + 1
  end
end
if changed == 0 then return 0 end
redis.call('INCR', KEYS[2])
if ARGV[1] == 'add' then redis.call('HDEL', KEYS[7], ARGV[4]) end
if redis.call('HSETNX', KEYS[3], ARGV[2], ARGV[3]) == 1 then
  redis.call('ZADD', KEYS[8], redis.call('INCR', KEYS[5]), ARGV[2])
  redis.call('SADD', KEYS[4], ARGV[4])
end
redis.call('INCR', KEYS[6])
return changed
