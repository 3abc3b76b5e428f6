-- Runs before every script that writes. Answers -1, and does nothing, if Redis may have lost a write of the caller:
-- after a restart, failover, restore or FLUSHALL. Answers -2 if a newer version of the bot has renamed the keys.
-- First keys: deliveries, lanes, sequence. Last keys: the caller's own count of writes, schema. Last arguments: the run id
-- of the server that the caller knows ('': none), the count that it knows, the schema that it knows.
local schema, writes = table.remove(KEYS), table.remove(KEYS)
local schema_known, known, server = tonumber(table.remove(ARGV)), tonumber(table.remove(ARGV)), table.remove(ARGV)
local counts = redis.call('MGET', schema, writes)
if tonumber(counts[1] or '0') > schema_known then return -2 end
local count = tonumber(counts[2] or '0')
if count < known then return -1 end
if server ~= '' and server ~= life() then return -1 end

local function written(answer)
  redis.call('SET', writes, string.format('%d', count + 1), 'EX', 604800)
  return answer
end

-- Each delivery: {outbox, lane, id, row}. Keeps an existing row: it may be on its way, and the sender takes the card's latest
-- revision anyway.
local function enqueue_all(deliveries)
  for first = 1, #deliveries, 1000 do
    local last = math.min(#deliveries, first + 999)
    local ids = {}
    for i = first, last do ids[#ids + 1] = deliveries[i][3] end
    local there, seen, new = redis.call('HMGET', KEYS[1], unpack(ids)), {}, {}
    for i = first, last do
      local id = deliveries[i][3]
      if not there[i - first + 1] and not seen[id] then
        seen[id] = true
        new[#new + 1] = deliveries[i]
      end
    end
    if #new > 0 then
      local number = redis.call('INCRBY', KEYS[3], #new) - #new
      local rows, lanes, outboxes = {}, {}, {}
      for i, delivery in ipairs(new) do
        local outbox = outboxes[delivery[1]]
        if not outbox then
          outbox = {}
          outboxes[delivery[1]] = outbox
          lanes[#lanes + 1] = delivery[2]
        end
        outbox[#outbox + 1] = number + i
        outbox[#outbox + 1] = delivery[3]
        rows[#rows + 1] = delivery[3]
        rows[#rows + 1] = delivery[4]
      end
      -- The rows last: if a command is refused, a second try still finds them missing.
      for outbox, members in pairs(outboxes) do redis.call('ZADD', outbox, unpack(members)) end
      redis.call('SADD', KEYS[2], unpack(lanes))
      redis.call('HSET', KEYS[1], unpack(rows))
    end
  end
end

local function enqueue(outbox, lane, id, row)
  enqueue_all({ { outbox, lane, id, row } })
end

local function take_away(outbox, lane, ids)
  for first = 1, #ids, 1000 do
    local last = math.min(#ids, first + 999)
    redis.call('HDEL', KEYS[1], unpack(ids, first, last))
    redis.call('ZREM', outbox, unpack(ids, first, last))
  end
  if redis.call('ZCARD', outbox) == 0 then redis.call('SREM', KEYS[2], lane) end
end

