-- Removes rows of a hash, and enqueues deliveries about them. Enqueues nothing if none was there: another bot was faster.
-- KEYS: (3 of the fence), hash, then outboxes
-- ARGV: number of rows, the field of each, then lane, id, row of each delivery
local count, removed = tonumber(ARGV[1]), 0
for i = 1, count do removed = removed + redis.call('HDEL', KEYS[4], ARGV[1 + i]) end
if removed == 0 then return written(1) end
for i = 2 + count, #ARGV, 3 do
  enqueue(KEYS[5 + (i - 2 - count) / 3], ARGV[i], ARGV[i + 1], ARGV[i + 2])
end
return written(1)
