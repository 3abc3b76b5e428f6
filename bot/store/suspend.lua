-- Suspends a channel and notifies the people who made its watches, unless an earlier notice said the same.
-- The suspend notice records what it said: the reason, and the last message of each of the channel's lanes.
-- Answers 0 if the channel is suspended already, or if its watches differ from the caller's: other people may need it then.
-- KEYS: (3 of the fence), suspended, watches, watches_version, suspend notice, last_ts, then outboxes
-- ARGV: channel, reason, its two lanes, number of watches, then id and time of making of each, then lane, id, row of each
--       delivery
-- Otherwise answers the number of notified people, plus one.
local first_delivery = 6 + 2 * tonumber(ARGV[5])
local made = {}
for i = 6, first_delivery - 1, 2 do made[ARGV[i]] = ARGV[i + 1] end
local rows = redis.call('HGETALL', KEYS[5])
for i = 1, #rows, 2 do
  if string.find(rows[i + 1], '"channel":"' .. ARGV[1] .. '"', 1, true) then  -- inside a text, quotes are escaped
    if made[rows[i]] ~= cjson.decode(rows[i + 1]).made_at then return 0 end
    made[rows[i]] = nil
  end
end
if next(made) then return 0 end
if redis.call('HSETNX', KEYS[4], ARGV[1], ARGV[2]) == 0 then return 0 end
redis.call('INCR', KEYS[6])
local last = redis.call('HMGET', KEYS[8], ARGV[3], ARGV[4])
local notice = ARGV[2] .. ' ' .. (last[1] or '') .. ' ' .. (last[2] or '')
if redis.call('GET', KEYS[7]) == notice then
  redis.call('PERSIST', KEYS[7])
  return written(1)
end
redis.call('SET', KEYS[7], notice)
for i = first_delivery, #ARGV, 3 do
  enqueue(KEYS[9 + (i - first_delivery) / 3], ARGV[i], ARGV[i + 1], ARGV[i + 2])
end
return written(1 + (#ARGV - first_delivery + 1) / 3)
