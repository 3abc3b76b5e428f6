-- Watches added or changed, or removed where their text is '', with the announcement in their channel, if there is one.
-- KEYS: (3 of the fence), watches, watches_version, parked, outbox
-- ARGV: channel that wakes or '', lane, delivery id ('': no announcement), row, then id, watch, id, watch...
local changed = 0
for i = 5, #ARGV, 2 do
  if ARGV[i + 1] == '' then
    changed = changed + redis.call('HDEL', KEYS[4], ARGV[i])
  elseif redis.call('HGET', KEYS[4], ARGV[i]) ~= ARGV[i + 1] then
    redis.call('HSET', KEYS[4], ARGV[i], ARGV[i + 1])
    changed = changed + 1
  end
end
if changed == 0 then return 0 end
redis.call('INCR', KEYS[5])
redis.call('HDEL', KEYS[6], ARGV[1])
if ARGV[3] ~= '' then enqueue(KEYS[7], ARGV[2], ARGV[3], ARGV[4]) end
return written(changed)
