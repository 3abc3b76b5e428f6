-- Replaces several rows by one. The group's message shows the cards that join it. Forgotten cards were never posted, and
-- never will be.
-- KEYS: (3 of the fence), lease, outbox, outbox of the row, group, then the cards that join, those whose page is held back,
--       and those that are forgotten
-- ARGV: token, lane, lane of the row, id, row, 'merge' or '', seconds to keep a group, number of replaced rows, of cards
--       that join, of held pages, then the replaced ids, then the keys of the cards that join,
--       then the revision of each held page,
--       then id and row of each further row
if redis.call('GET', KEYS[4]) ~= ARGV[1] then return 0 end
local replaced, joining, holding = tonumber(ARGV[8]), tonumber(ARGV[9]), tonumber(ARGV[10])
for i = 11, 10 + replaced do
  take_away(KEYS[5], ARGV[2], ARGV[i])
end
if ARGV[6] == 'merge' then redis.call('HSET', KEYS[1], ARGV[4], ARGV[5]) end
enqueue(KEYS[6], ARGV[3], ARGV[4], ARGV[5])
for i = 11 + replaced + joining + holding, #ARGV, 2 do
  enqueue(KEYS[6], ARGV[3], ARGV[i], ARGV[i + 1])
end
for i = 8, 7 + joining do
  redis.call('HSET', KEYS[i], 'group', ARGV[4])
  redis.call('SADD', KEYS[7], ARGV[i + 3 + replaced])
end
for i = 8 + joining, 7 + joining + holding do
  redis.call('HSET', KEYS[i], 'held', ARGV[i + 3 + replaced])
end
for i = 8 + joining + holding, #KEYS do
  redis.call('DEL', KEYS[i])
  redis.call('HSET', KEYS[i], 'forgotten', 1)  -- distinguishes it from a lost card
  redis.call('EXPIRE', KEYS[i], ARGV[7])
end
if joining > 0 then redis.call('EXPIRE', KEYS[7], ARGV[7]) end
return written(1)
