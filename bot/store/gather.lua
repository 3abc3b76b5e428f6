-- One row takes the place of several. Cards that join a storm are told by its message from now on.
-- KEYS: lease, deliveries, outbox, sequence, writes, storm, then the cards that join
-- ARGV: token, id, row, storm key, seconds, how many rows are replaced, their ids, then the card keys that join
if redis.call('GET', KEYS[1]) ~= ARGV[1] then return 0 end
local replaced = tonumber(ARGV[6])
for i = 7, 6 + replaced do
  redis.call('HDEL', KEYS[2], ARGV[i])
  redis.call('ZREM', KEYS[3], ARGV[i])
end
if redis.call('HSETNX', KEYS[2], ARGV[2], ARGV[3]) == 1 then
  redis.call('ZADD', KEYS[3], redis.call('INCR', KEYS[4]), ARGV[2])
end
for i = 7, #KEYS do
  redis.call('HSET', KEYS[i], 'storm', ARGV[4])
  redis.call('SADD', KEYS[6], ARGV[i + replaced])
end
if redis.call('EXISTS', KEYS[6]) == 1 then redis.call('EXPIRE', KEYS[6], ARGV[5]) end
redis.call('INCR', KEYS[5])
return 1
