-- A channel that does not take messages rests; those who made its watches are told. They are not told again of the same
-- reason, whoever tries the channel: as long as nothing got through, its last messages are the same as well. 0 where it
-- rests already, or something was watched there, or not any more, in between: somebody else may have to be told.
-- KEYS: (3 of the fence), suspended, watches, watches_version, told, last_ts, then outboxes
-- ARGV: channel, reason, its two lanes, how many watches, then id and when it was made of each, then lane, id, row of each
--       delivery
-- Answers one more than how many are told
local first_told = 6 + 2 * tonumber(ARGV[5])
local made = {}
for i = 6, first_told - 1, 2 do made[ARGV[i]] = ARGV[i + 1] end
local rows = redis.call('HGETALL', KEYS[5])
for i = 1, #rows, 2 do
  if string.find(rows[i + 1], '"channel":"' .. ARGV[1] .. '"', 1, true) then  -- as text, where it is in quotes, it differs
    if made[rows[i]] ~= cjson.decode(rows[i + 1]).made_at then return 0 end
    made[rows[i]] = nil
  end
end
if next(made) then return 0 end
if redis.call('HSETNX', KEYS[4], ARGV[1], ARGV[2]) == 0 then return 0 end
redis.call('INCR', KEYS[6])
local last = redis.call('HMGET', KEYS[8], ARGV[3], ARGV[4])
local told = ARGV[2] .. ' ' .. (last[1] or '') .. ' ' .. (last[2] or '')
if redis.call('GET', KEYS[7]) == told then
  redis.call('PERSIST', KEYS[7])
  return written(1)
end
redis.call('SET', KEYS[7], told)
for i = first_told, #ARGV, 3 do
  enqueue(KEYS[9 + (i - first_told) / 3], ARGV[i], ARGV[i + 1], ARGV[i + 2])
end
return written(1 + (#ARGV - first_told + 1) / 3)
