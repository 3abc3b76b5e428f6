-- Enqueues deliveries; needs no lease. Marks each named card as not shown, so the next update redraws it.
-- KEYS: (3 of the fence), then outboxes, then the progress of the cards
-- ARGV: number of deliveries, then lane, id, row of each
local deliveries = {}
for i = 1, tonumber(ARGV[1]) do
  deliveries[i] = { KEYS[3 + i], ARGV[3 * i - 1], ARGV[3 * i], ARGV[3 * i + 1] }
end
enqueue_all(deliveries)
local cards = read_posted(range(4 + #deliveries, #KEYS))
for i, card in pairs(cards) do
  if next(card) then card.delivered = 0 else cards[i] = nil end
end
write_posted(cards)
return written(1)
