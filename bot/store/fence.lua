-- Stands before every script that writes. What a caller has written must still be there, and it must be the server that it
-- knows: where Redis went back in time (restart, failover, restore, FLUSHALL), or may have, nothing is done, and the answer
-- is -1.
-- First keys: deliveries, lanes, sequence. Last key: the caller's own count of writes; last arguments: the life of the
-- server that it knows ('': none), and what it knows its count to be.
local writes, known, server = table.remove(KEYS), tonumber(table.remove(ARGV)), table.remove(ARGV)
if tonumber(redis.call('GET', writes) or '0') < known then return -1 end
if server ~= '' and server ~= life() then return -1 end

local function written(answer)
  redis.call('INCR', writes)
  redis.call('EXPIRE', writes, 604800)
  return answer
end

-- A row that is owed already stays as it is: it may be under way, and a card is sent at its latest revision anyhow.
local function enqueue(outbox, lane, id, row)
  if redis.call('HSETNX', KEYS[1], id, row) == 0 then return end
  redis.call('ZADD', outbox, redis.call('INCR', KEYS[3]), id)
  redis.call('SADD', KEYS[2], lane)
end

local function take_away(outbox, lane, id)
  redis.call('HDEL', KEYS[1], id)
  redis.call('ZREM', outbox, id)
  if redis.call('ZCARD', outbox) == 0 then redis.call('SREM', KEYS[2], lane) end
end

