-- Replaces several rows by one. The group's message shows the cards that join it. Forgotten cards were never posted, and
-- never will be.
-- KEYS: (3 of the fence), lease, outbox, outbox of the row, group, outbox of the feed, burst, growing, then the progress of the
--       cards that join, of those whose page is held back, and of those that are forgotten, then the forgotten cards
-- ARGV: token, lane, lane of the row, id, row, 'merge' or '', seconds to keep a group, number of replaced rows, of cards
--       that join, of held pages, of forgotten cards, of further rows, the feed's lane, id of the burst that grows or '', until when,
--       seconds until then; then the replaced ids, the keys of the cards that join, the revision of each held page,
--       id and row of each further row, id and row of each row for the feed
if redis.call('GET', KEYS[4]) ~= ARGV[1] then return 0 end
local replaced, joining, holding = tonumber(ARGV[8]), tonumber(ARGV[9]), tonumber(ARGV[10])
local forgetting, beside = tonumber(ARGV[11]), tonumber(ARGV[12])
local first = 17
if replaced > 0 then take_away(KEYS[5], ARGV[2], slice(ARGV, first, replaced)) end
if ARGV[6] == 'merge' then redis.call('HSET', KEYS[1], ARGV[4], ARGV[5]) end
local joins = first + replaced
local held = joins + joining
local rows = held + holding
local deliveries = { { KEYS[6], ARGV[3], ARGV[4], ARGV[5] } }
for i = rows, #ARGV, 2 do
  local in_feed = i >= rows + 2 * beside
  deliveries[#deliveries + 1] = { in_feed and KEYS[8] or KEYS[6], in_feed and ARGV[13] or ARGV[3], ARGV[i], ARGV[i + 1] }
end
enqueue_all(deliveries)

local progress = 11
local last = progress + joining + holding + forgetting - 1
local cards = read_posted(range(progress, last))
for i, card in pairs(cards) do
  local place = i - progress
  if place < joining then
    card.group = ARGV[4]
  elseif place < joining + holding then
    card.held = tonumber(ARGV[held + place - joining])
  else
    cards[i] = { forgotten = 1, seconds = tonumber(ARGV[7]) }  -- distinguishes it from a lost card
  end
end
write_posted(cards)
if ARGV[2] ~= ARGV[13] then redis.call('INCR', KEYS[3]) end  -- rows of the feed may wait for these pages
for _, card in ipairs(slice(KEYS, last + 1, forgetting)) do redis.call('DEL', card) end
if joining > 0 then join(KEYS[7], slice(ARGV, joins, joining), ARGV[7]) end
if ARGV[14] ~= '' then
  join(KEYS[9], { ARGV[4] }, ARGV[7])
  redis.call('SET', KEYS[10], ARGV[14] .. ' ' .. ARGV[15], 'EX', ARGV[16])
end
return written(1)
