-- Answers the rows of a lane, oldest first.
-- KEYS: outbox, deliveries
local ids, found = redis.call('ZRANGE', KEYS[1], 0, -1), {}
for first = 1, #ids, 1000 do  -- Lua can pass only a few thousand arguments
  for _, row in ipairs(redis.call('HMGET', KEYS[2], unpack(ids, first, math.min(#ids, first + 999)))) do
    if row then found[#found + 1] = row end
  end
end
return found
