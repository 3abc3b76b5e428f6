-- Replaces several rows by one. The group's message shows the cards that join it: a posted one from its next update on.
-- Forgotten cards were never posted, and never will be.
-- KEYS: (3 of the fence), lease, outbox of the lane, outbox of the pages, outbox of the feed, group, recent failures, then
--       the progress of the cards that join, of those whose page is held back, and of those that are forgotten, then the
--       forgotten cards
-- ARGV: token, lane, lane of the pages, lane of the feed, 'merge' or '', seconds to keep a group, ts of the group's message
--       or '', now or '', the start of the recent failures, number of replaced rows, of cards that join, of held pages, of
--       forgotten cards, key of the group or ''; then the replaced ids, the keys of the cards that join, the revision of each held page; then
--       kind of lane, id and row of each new row. The first one takes the place of the replaced rows.
if redis.call('GET', KEYS[4]) ~= ARGV[1] then return 0 end
local replaced, joining = tonumber(ARGV[10]), tonumber(ARGV[11])
local holding, forgetting = tonumber(ARGV[12]), tonumber(ARGV[13])
local first = 15
if replaced > 0 then take_away(KEYS[5], ARGV[2], slice(ARGV, first, replaced)) end
local joins = first + replaced
local held = joins + joining
local rows = held + holding
if ARGV[5] == 'merge' then redis.call('HSET', KEYS[1], ARGV[rows + 1], ARGV[rows + 2]) end
local deliveries = {}
for i = rows, #ARGV, 3 do
  local in_feed = ARGV[i] == 'feed'
  deliveries[#deliveries + 1] =
    { in_feed and KEYS[7] or KEYS[6], in_feed and ARGV[4] or ARGV[3], ARGV[i + 1], ARGV[i + 2] }
end
enqueue_all(deliveries)

local keys = slice(ARGV, joins, joining)
local progress = 10
local last = progress + joining + holding + forgetting - 1
local cards = read_posted(range(progress, last))
for i, card in pairs(cards) do
  local place = i - progress
  if place < joining then
    card.group = ARGV[14]
    if ARGV[7] ~= '' then card.ts, card.delivered = ARGV[7], card.ts and 0 or -1 end
  elseif place < joining + holding then
    card.held = tonumber(ARGV[held + place - joining])
  else
    cards[i] = { forgotten = 1, seconds = tonumber(ARGV[6]) }  -- distinguishes it from a lost card
  end
end
write_posted(cards)
if ARGV[2] ~= ARGV[4] then redis.call('INCR', KEYS[3]) end  -- rows of the feed may wait for these pages
for _, card in ipairs(slice(KEYS, last + 1, forgetting)) do redis.call('DEL', card) end
if joining > 0 then
  join(KEYS[8], keys, ARGV[6])
  if ARGV[8] ~= '' then
    redis.call('ZREM', KEYS[9], unpack(keys))
    remember_failure(KEYS[9], ARGV[14], ARGV[8], ARGV[9])
  end
end
return written(1)
