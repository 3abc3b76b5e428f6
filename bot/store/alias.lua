-- Records new channel ids, moves watches to stable ids, and resumes channels. A watch of the stable id stays as it is.
-- Answers 0 if watches or aliases changed since the caller read them.
-- KEYS: (3 of the fence), aliases, watches, watches_version, suspended, resumed, watch_changes, then a suspend notice for each
--       resumed channel
-- ARGV: watches_version, time, entries to keep of the log, number of aliases, number of resumed channels, then id and row of
--       each alias, then each resumed channel, then id, channel, new id, new channel and row of each watch
if (redis.call('GET', KEYS[6]) or '0') ~= ARGV[1] then return 0 end
local i = 6
for _ = 1, tonumber(ARGV[4]) do
  redis.call('HSET', KEYS[4], ARGV[i], ARGV[i + 1])
  i = i + 2
end
for n = 1, tonumber(ARGV[5]) do
  redis.call('HDEL', KEYS[7], ARGV[i])
  redis.call('HSET', KEYS[8], ARGV[i], ARGV[2])
  redis.call('DEL', KEYS[9 + n])
  i = i + 1
end
for i = i, #ARGV, 5 do
  redis.call('HDEL', KEYS[5], ARGV[i])
  redis.call('HSETNX', KEYS[5], ARGV[i + 2], ARGV[i + 4])
  redis.call('XADD', KEYS[9], 'MAXLEN', '~', ARGV[3], '*', ARGV[i], ARGV[i + 1], ARGV[i + 2], ARGV[i + 3])
end
redis.call('INCR', KEYS[6])
return written(1)
