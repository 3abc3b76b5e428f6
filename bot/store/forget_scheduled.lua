-- Removes scheduled messages that are over, and enqueues deliveries with it.
-- KEYS: (3 of the fence), scheduled, then outboxes
-- ARGV: number of messages, the id of each, then lane, id, row of each delivery
local count = tonumber(ARGV[1])
local first = 0
for i = 1, count do
  first = first + redis.call('HDEL', KEYS[4], ARGV[1 + i])
end
if first == 0 then return written(1) end -- another sender announced it
for i = 2 + count, #ARGV, 3 do
  enqueue(KEYS[5 + (i - 2 - count) / 3], ARGV[i], ARGV[i + 1], ARGV[i + 2])
end
return written(1)
