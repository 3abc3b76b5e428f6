-- Ends a delivery: its message was posted, or never will be. Enqueues a card again if it has changed since.
-- `moved_on`: a card has a later revision than the message shows.
-- KEYS: (3 of the fence), lease, outbox, outbox of the feed, group, last_ts, page log, then the cards that it shows
-- ARGV: token, lane, lane of the feed, id, 'posted'|'removed'|'unchanged', ts, group whose message shows the card or '',
--       id and row to enqueue if a card has changed, id and row to enqueue in any case (or ''), entry of the page log or
--       '', its time, the start of the log, then for each card its key and the revision shown
if redis.call('GET', KEYS[4]) ~= ARGV[1] then return 0 end
take_away(KEYS[5], ARGV[2], ARGV[4])
local moved_on = false
if ARGV[6] > (redis.call('HGET', KEYS[8], ARGV[2]) or '') then redis.call('HSET', KEYS[8], ARGV[2], ARGV[6]) end
if ARGV[12] ~= '' and ARGV[5] == 'posted' then
  redis.call('ZADD', KEYS[9], ARGV[13], ARGV[12])
  redis.call('ZREMRANGEBYSCORE', KEYS[9], '-inf', ARGV[14])
  redis.call('EXPIRE', KEYS[9], 7200)
end
for i = 10, #KEYS do
  local key, shown = ARGV[2 * i - 5], ARGV[2 * i - 4]
  if ARGV[5] == 'posted' then
    redis.call('HSET', KEYS[i], 'ts', ARGV[6], 'delivered', shown)
    if ARGV[7] ~= '' then
      redis.call('HSET', KEYS[i], 'group', ARGV[7])
      redis.call('SADD', KEYS[7], key)
    end
  elseif ARGV[5] == 'removed' then
    redis.call('HDEL', KEYS[i], 'ts')
    redis.call('HSET', KEYS[i], 'removed', 1, 'delivered', shown)
  end
  if tonumber(redis.call('HGET', KEYS[i], 'revision') or '0') > tonumber(shown) then moved_on = true end
end
if moved_on then enqueue(KEYS[6], ARGV[3], ARGV[8], ARGV[9]) end
if ARGV[10] ~= '' then enqueue(KEYS[6], ARGV[3], ARGV[10], ARGV[11]) end
return written(1)
