-- A delivery has come to its end: it is there, or will not be. What has moved on meanwhile stays owed.
-- KEYS: lease, deliveries, outbox, channels, writes, then the cards that it shows
-- ARGV: token, id, channel, 'posted'|'removed'|'unchanged', ts, row to put where a card has moved on, then a revision for each card
if redis.call('GET', KEYS[1]) ~= ARGV[1] then return 0 end
redis.call('INCR', KEYS[5])
local moved_on = false
for i = 6, #KEYS do
  local shown = ARGV[i + 1]
  if ARGV[4] == 'posted' then
    redis.call('HSET', KEYS[i], 'ts', ARGV[5], 'delivered', shown)
  elseif ARGV[4] == 'removed' then
    redis.call('HDEL', KEYS[i], 'ts')
    redis.call('HSET', KEYS[i], 'removed', 1, 'delivered', shown)
  end
  if tonumber(redis.call('HGET', KEYS[i], 'revision') or '0') > tonumber(shown) then moved_on = true end
end
if moved_on then
  redis.call('HSET', KEYS[2], ARGV[2], ARGV[6])
  return 1
end
redis.call('HDEL', KEYS[2], ARGV[2])
redis.call('ZREM', KEYS[3], ARGV[2])
if redis.call('ZCARD', KEYS[3]) == 0 then redis.call('SREM', KEYS[4], ARGV[3]) end
return 1
