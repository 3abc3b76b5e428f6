-- Records that Slack gave a channel another id, for good. Events may arrive in any order, and again; every old id leads to
-- the newest one. If an id comes back, the later event wins. An event that only repeats an earlier one changes nothing.
-- KEYS: renames, open_renames, renamed_at   ARGV: old id, new id, Slack's stamp of the event
local old, new, at = ARGV[1], ARGV[2], ARGV[3]
local newest = redis.call('HGET', KEYS[1], new) or new
if newest == old then
  if at < (redis.call('HGET', KEYS[3], new) or '') then return 0 end
  newest = new
end
local moved = redis.call('HGETALL', KEYS[1])
for i = 1, #moved, 2 do
  if moved[i + 1] == old then redis.call('HSET', KEYS[1], moved[i], newest) end
end
redis.call('HDEL', KEYS[1], newest)
redis.call('SREM', KEYS[2], newest)
redis.call('HSET', KEYS[1], old, newest)
redis.call('SADD', KEYS[2], old)
if at > (redis.call('HGET', KEYS[3], old) or '') then redis.call('HSET', KEYS[3], old, at) end
return 1
