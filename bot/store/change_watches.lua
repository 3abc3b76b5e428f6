-- Watches added or changed, or removed where their text is '', with the announcement in their channel.
-- KEYS: (3 of the fence), watches, watches_version, parked, woken, what the makers of the channel that wakes were told, outbox
-- ARGV: channel that wakes or '', when, lane, delivery id, row, then id, watch, id, watch...
local changed = 0
for i = 6, #ARGV, 2 do
  if ARGV[i + 1] == '' then
    changed = changed + redis.call('HDEL', KEYS[4], ARGV[i])
  elseif redis.call('HGET', KEYS[4], ARGV[i]) ~= ARGV[i + 1] then
    redis.call('HSET', KEYS[4], ARGV[i], ARGV[i + 1])
    changed = changed + 1
  end
end
if changed == 0 then return 0 end
redis.call('INCR', KEYS[5])
if redis.call('HDEL', KEYS[6], ARGV[1]) == 1 then redis.call('HSET', KEYS[7], ARGV[1], ARGV[2]) end
redis.call('DEL', KEYS[8])
enqueue(KEYS[9], ARGV[3], ARGV[4], ARGV[5])
return written(changed)
