-- A channel that does not take messages rests; those who made its watches are told. They are not told again of the same
-- reason, whoever tries the channel: as long as nothing got through, its last messages are the same as well. 0 where it
-- rests already, or the watches changed in between: somebody else may have to be told.
-- KEYS: (3 of the fence), parked, watches_version, told, last_ts, then outboxes
-- ARGV: channel, reason, watches_version, its two lanes, then lane, id, row of each delivery
-- Answers one more than how many are told
if (redis.call('GET', KEYS[5]) or '0') ~= ARGV[3] then return 0 end
if redis.call('HSETNX', KEYS[4], ARGV[1], ARGV[2]) == 0 then return 0 end
redis.call('INCR', KEYS[5])
local last = redis.call('HMGET', KEYS[7], ARGV[4], ARGV[5])
local told = ARGV[2] .. ' ' .. (last[1] or '') .. ' ' .. (last[2] or '')
if redis.call('GET', KEYS[6]) == told then
  redis.call('PERSIST', KEYS[6])
  return written(1)
end
redis.call('SET', KEYS[6], told)
for i = 6, #ARGV, 3 do
  enqueue(KEYS[8 + (i - 6) / 3], ARGV[i], ARGV[i + 1], ARGV[i + 2])
end
return written(1 + (#ARGV - 5) / 3)
