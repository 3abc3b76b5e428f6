-- A delivery has come to its end: it is there, or can never be. A card that has moved on meanwhile stays owed.
-- KEYS: lease, deliveries, outbox, channels, writes, card ('' slot where it is none: the lease key again)
-- ARGV: token, id, channel, 'posted'|'removed'|'unchanged' (cards), 'none' (else), ts, revision, row to put where the card has moved on
if redis.call('GET', KEYS[1]) ~= ARGV[1] then return 0 end
redis.call('INCR', KEYS[5])
if ARGV[4] == 'posted' then
  redis.call('HSET', KEYS[6], 'ts', ARGV[5], 'delivered', ARGV[6])
elseif ARGV[4] == 'removed' then
  redis.call('HDEL', KEYS[6], 'ts')
  redis.call('HSET', KEYS[6], 'removed', 1, 'delivered', ARGV[6])
end
if ARGV[4] ~= 'none' and tonumber(redis.call('HGET', KEYS[6], 'revision') or '0') > tonumber(ARGV[6]) then
  redis.call('HSET', KEYS[2], ARGV[2], ARGV[7])
  return 1
end
redis.call('HDEL', KEYS[2], ARGV[2])
redis.call('ZREM', KEYS[3], ARGV[2])
if redis.call('ZCARD', KEYS[3]) == 0 then redis.call('SREM', KEYS[4], ARGV[3]) end
return 1
