-- Runs before every script that writes. Answers -1, and does nothing, if Redis may have lost a write of the caller:
-- after a restart, failover, restore or FLUSHALL. Answers -2 if a newer version of the bot has renamed the keys.
-- First keys: deliveries, lanes, sequence. Last keys: the caller's own count of writes, schema. Last arguments: the run id
-- of the server that the caller knows ('': none), the count that it knows, the schema that it knows.
local schema, writes = table.remove(KEYS), table.remove(KEYS)
local schema_known, known, server = tonumber(table.remove(ARGV)), tonumber(table.remove(ARGV)), table.remove(ARGV)
if tonumber(redis.call('GET', schema) or '0') > schema_known then return -2 end
if tonumber(redis.call('GET', writes) or '0') < known then return -1 end
if server ~= '' and server ~= life() then return -1 end

local function written(answer)
  redis.call('INCR', writes)
  redis.call('EXPIRE', writes, 604800)
  return answer
end

-- Keeps an existing row: it may be on its way, and the sender takes the card's latest revision anyway.
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

