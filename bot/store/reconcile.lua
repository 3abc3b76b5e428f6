-- Repairs rows, outboxes and lanes after one of them was lost. Appends a row that no outbox has to its own outbox; drops
-- an outbox entry without a row. Answers which of the three had a gap.
-- KEYS: deliveries, lanes, sequence, then outboxes
-- ARGV: number of outboxes, the key of an outbox without its lane, the lanes of the outboxes, then id and number of the outbox of each row
local outboxes, lost = tonumber(ARGV[1]), {}
local last = tonumber(redis.call('GET', KEYS[3]) or '0')
for i = 1, outboxes do
  local ids = redis.call('ZRANGE', KEYS[3 + i], 0, -1, 'WITHSCORES')
  for j = 1, #ids, 2 do
    last = math.max(last, tonumber(ids[j + 1]))
    if redis.call('HEXISTS', KEYS[1], ids[j]) == 0 then
      redis.call('ZREM', KEYS[3 + i], ids[j])
      lost['deliveries'] = true
    end
  end
end
if last > tonumber(redis.call('GET', KEYS[3]) or '0') then redis.call('SET', KEYS[3], last) end
-- A message may go to another lane after the caller read its row.
local function is_in_a_lane(id)
  for _, lane in ipairs(redis.call('SMEMBERS', KEYS[2])) do
    if redis.call('ZSCORE', ARGV[2] .. lane, id) then return true end
  end
  return false
end
for i = outboxes + 3, #ARGV, 2 do
  local id, outbox = ARGV[i], KEYS[3 + tonumber(ARGV[i + 1])]
  if redis.call('HEXISTS', KEYS[1], id) == 1 and not redis.call('ZSCORE', outbox, id) and not is_in_a_lane(id) then
    redis.call('ZADD', outbox, redis.call('INCR', KEYS[3]), id)
    lost['outbox'] = true
  end
end
for i = 1, outboxes do
  if redis.call('ZCARD', KEYS[3 + i]) == 0 then
    redis.call('SREM', KEYS[2], ARGV[2 + i])
  elseif redis.call('SADD', KEYS[2], ARGV[2 + i]) == 1 then
    lost['lanes'] = true
  end
end
local names = {}
for _, name in ipairs({ 'deliveries', 'outbox', 'lanes' }) do
  if lost[name] then names[#names + 1] = name end
end
return names
