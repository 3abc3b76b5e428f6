-- Enqueues deliveries; needs no lease. Marks each named card as not shown, so the next update redraws it.
-- KEYS: (3 of the fence), then outboxes, then cards   ARGV: number of deliveries, then lane, id, row of each
local deliveries = tonumber(ARGV[1])
for i = 1, deliveries do
  enqueue(KEYS[3 + i], ARGV[3 * i - 1], ARGV[3 * i], ARGV[3 * i + 1])
end
for i = 4 + deliveries, #KEYS do
  if redis.call('EXISTS', KEYS[i]) == 1 then redis.call('HSET', KEYS[i], 'delivered', 0) end
end
return written(1)
