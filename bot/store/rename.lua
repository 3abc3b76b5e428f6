-- Moves a channel's data to the id that Slack gave it: watches, suspension, deliveries and cards. Existing data of
-- the new id stays. Rows and cards keep their ids, because Slack finds their messages by them. Answers 0 if a sender holds
-- a lane, if the watches changed meanwhile, or if Redis knows a newer id.
-- KEYS: (3 of the fence), watches, watches_version, suspended, resumed, last_ts, records, versions, then lease, outbox and
--       new outbox of each of the two lanes, then the suspend notices of the old and the new id, renames, open_renames
-- ARGV: old id, new id, time, watches_version, lane and new lane of each of the two, then id and new id of each watch
if (redis.call('GET', KEYS[5]) or '0') ~= ARGV[4] then return 0 end
if redis.call('EXISTS', KEYS[11], KEYS[14]) > 0 then return 0 end
if (redis.call('HGET', KEYS[19], ARGV[1]) or ARGV[2]) ~= ARGV[2] then return 0 end

-- Rows always have quotes around an id.
local old, new = '"' .. ARGV[1] .. '"', '"' .. ARGV[2] .. '"'
local function renamed(row)
  return (string.gsub(row, old, new))
end

-- Renames a field. If both names have a value, the later time or stamp wins; of two reasons, either wins.
local function carry(hash, from, to)
  local value = redis.call('HGET', hash, from)
  if not value then return end
  redis.call('HDEL', hash, from)
  if value > (redis.call('HGET', hash, to) or '') then redis.call('HSET', hash, to, value) end
end

for i = 9, #ARGV, 2 do
  redis.call('HSETNX', KEYS[4], ARGV[i + 1], renamed(redis.call('HGET', KEYS[4], ARGV[i])))
  redis.call('HDEL', KEYS[4], ARGV[i])
end
-- `not_found` was about the old id, or about the new one before it existed: the channel resumes.
for i = 1, 2 do
  if redis.call('HGET', KEYS[6], ARGV[i]) == 'not_found' then
    redis.call('HDEL', KEYS[6], ARGV[i])
    redis.call('HSET', KEYS[7], ARGV[i], ARGV[3])
    redis.call('DEL', KEYS[16 + i])
  end
end
carry(KEYS[6], ARGV[1], ARGV[2])
carry(KEYS[7], ARGV[1], ARGV[2])
if redis.call('EXISTS', KEYS[17]) == 1 then redis.call('RENAME', KEYS[17], KEYS[18]) end
redis.call('INCR', KEYS[5])

for i = 0, 1 do
  local outbox, new_outbox, lane, new_lane = KEYS[12 + 3 * i], KEYS[13 + 3 * i], ARGV[5 + 2 * i], ARGV[6 + 2 * i]
  for _, id in ipairs(redis.call('ZRANGE', outbox, 0, -1)) do
    local row, place = redis.call('HGET', KEYS[1], id), redis.call('ZSCORE', outbox, id)
    take_away(outbox, lane, id)
    if row then
      redis.call('HSET', KEYS[1], id, renamed(row))
      redis.call('ZADD', new_outbox, place, id)
      redis.call('SADD', KEYS[2], new_lane)
    end
  end
  carry(KEYS[8], lane, new_lane)
end

for _, pipeline in ipairs(redis.call('HKEYS', KEYS[9])) do
  local record = redis.call('HGET', KEYS[9], pipeline)
  if string.find(record, old, 1, true) then
    redis.call('HSET', KEYS[9], pipeline, renamed(record))
    redis.call('HINCRBY', KEYS[10], pipeline, 1)
  end
end
redis.call('SREM', KEYS[20], ARGV[1])
return written(1)
