-- Records new channel ids, moves watches to stable ids, and resumes channels. A watch of the stable id stays as it is.
-- Answers 0 if watches or aliases changed since the caller read them.
-- KEYS: (3 of the fence), aliases, watches, watches_version, suspended, resumed, then a suspend notice for each resumed channel
-- ARGV: watches_version, time, number of aliases, number of resumed channels, then id and row of each alias, then each
--       resumed channel, then id, new id and row of each watch
if (redis.call('GET', KEYS[6]) or '0') ~= ARGV[1] then return 0 end
local i = 5
for _ = 1, tonumber(ARGV[3]) do
  redis.call('HSET', KEYS[4], ARGV[i], ARGV[i + 1])
  i = i + 2
end
for n = 1, tonumber(ARGV[4]) do
  redis.call('HDEL', KEYS[7], ARGV[i])
  redis.call('HSET', KEYS[8], ARGV[i], ARGV[2])
  redis.call('DEL', KEYS[8 + n])
  i = i + 1
end
for i = i, #ARGV, 3 do
  redis.call('HDEL', KEYS[5], ARGV[i])
  redis.call('HSETNX', KEYS[5], ARGV[i + 1], ARGV[i + 2])
end
redis.call('INCR', KEYS[6])
return written(1)
