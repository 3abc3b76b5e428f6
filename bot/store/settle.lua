-- Ends a delivery: its message was posted, or never will be. Enqueues a card again if it has changed since.
-- `moved_on`: the message does not show the latest: a card has a later revision, more cards have joined the group, or the
-- card has become part of a group, whose message shows it.
-- KEYS: (3 of the fence), lease, outbox, outbox of the feed, group, last_ts, page log, recent failures, progress of the card
--       that the group grew from, then the progress of the cards that it shows, then the
--       receipts of each pipeline that it has news of, then the thread of the message
-- ARGV: token, lane, lane of the feed, id, 'posted'|'removed'|'unchanged', ts, group whose message shows the cards or '',
--       id and row to enqueue if a card has changed, id and row to enqueue in any case (or ''), entry of the page log or
--       '', its time, the start of the log, number of cards in the message of a group or 0, seconds to keep a group, time of
--       a new failure or '', the start of the recent failures, then for each card its key and the revision shown,
--       then a row for each of the receipts, their limits as JSON, their number, and the card or group at
--       the top of the thread, or ''
local thread, top = table.remove(KEYS), table.remove(ARGV)
local receipts, limits = tonumber(table.remove(ARGV)), cjson.decode(table.remove(ARGV))
local rows = {}
for i = receipts, 1, -1 do rows[i] = { table.remove(KEYS), table.remove(ARGV) } end
if redis.call('GET', KEYS[4]) ~= ARGV[1] then return 0 end
take_away(KEYS[5], ARGV[2], { ARGV[4] })
if ARGV[6] > (redis.call('HGET', KEYS[8], ARGV[2]) or '') then redis.call('HSET', KEYS[8], ARGV[2], ARGV[6]) end
if ARGV[12] ~= '' and ARGV[5] == 'posted' then
  redis.call('ZADD', KEYS[9], ARGV[13], ARGV[12])
  redis.call('ZREMRANGEBYSCORE', KEYS[9], '-inf', ARGV[14])
  redis.call('EXPIRE', KEYS[9], 7200)
end
if ARGV[17] ~= '' and ARGV[5] == 'posted' then remember_failure(KEYS[10], ARGV[4], ARGV[17], ARGV[18]) end
local moved_on, found = false, {}
local cards = read_posted(range(12, #KEYS))
for i, card in pairs(cards) do
  local key, shown = ARGV[2 * i - 5], tonumber(ARGV[2 * i - 4])
  if card.group and card.group ~= ARGV[7] then
    moved_on = true
  else
    if ARGV[5] == 'posted' then
      card.ts, card.delivered, card.removed = ARGV[6], shown, nil
      if ARGV[7] ~= '' and not card.group then
        card.group = ARGV[7]
        found[#found + 1] = key
      end
    elseif ARGV[5] == 'removed' then
      card.ts, card.delivered, card.removed = nil, shown, 1
    end
    if (card.revision or 0) > shown then moved_on = true end
  end
end
if ARGV[5] ~= 'unchanged' then write_posted(cards) end
if #found > 0 then
  local origin = read_posted({ [11] = true })[11]
  if origin.revision and not origin.group and origin.ts == ARGV[6] then
    origin.group = ARGV[7]
    write_posted({ [11] = origin })
    table.insert(found, 1, ARGV[7])
  end
  join(KEYS[7], found, ARGV[16])
end
if tonumber(ARGV[15]) > 0 then
  local _, size = string.gsub(redis.call('GET', KEYS[7]) or '', '%S+', '')
  if size > tonumber(ARGV[15]) then moved_on = true end
end
if ARGV[2] ~= ARGV[3] then redis.call('INCR', KEYS[3]) end  -- rows of the feed may wait for this page
local further = {}
if moved_on then further[1] = { KEYS[6], ARGV[3], ARGV[8], ARGV[9] } end
if ARGV[10] ~= '' then further[#further + 1] = { KEYS[6], ARGV[3], ARGV[10], ARGV[11] } end
enqueue_all(further)
if top ~= '' then redis.call('SET', thread, top, 'EX', limits.seconds) end
for _, row in ipairs(rows) do add_receipt(row[1], row[2], limits) end
return written(1)
