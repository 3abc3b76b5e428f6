-- Writes one plan, all or nothing: the state, its transitions, its cards and its deliveries.
-- KEYS: (3 of the fence), records, versions, watches_version, history of the pipeline, then the cards and outboxes that
--       ARGV[1] names
-- ARGV[1]: {pipeline_id, version, watches_version, record, history: {head, lines, oldest, most, seconds}, cards: [{
--          key_index, content, revision, seconds}], deliveries: [{key_index, lane, id, row}]}. `key_index`: a place in
--          KEYS. `seconds`: how long to keep the card (0: for good)

-- Appends the lines, then drops the oldest: those before `oldest`, and all but `most`.
local function remember(key, past, history)
  local row = past .. history.lines
  local _, lines = string.gsub(row, '\n', '')
  local kept, first = lines - 1, #history.head + 1
  while kept > history.most or tonumber(string.match(row, '^%[(%d+)', first) or 0) < history.oldest do
    first, kept = string.find(row, '\n', first, true) + 1, kept - 1
  end
  redis.call('SET', key, history.head .. string.sub(row, first), 'EX', history.seconds)
end

local plan = cjson.decode(ARGV[1])
if tonumber(redis.call('HGET', KEYS[5], plan.pipeline_id) or '0') ~= plan.version then return 0 end
if tonumber(redis.call('GET', KEYS[6]) or '0') ~= plan.watches_version then return 0 end

local past
if plan.history.lines ~= '' then
  past = redis.call('GET', KEYS[7]) or plan.history.head
  if tonumber(string.match(past, '^(%d+)\n') or 0) > tonumber(plan.history.head) then return -2 end
  local damaged = string.sub(past, 1, #plan.history.head) ~= plan.history.head or string.sub(past, -1) ~= '\n'
  if damaged then past = plan.history.head end
end

if past then remember(KEYS[7], past, plan.history) end
redis.call('HSET', KEYS[4], plan.pipeline_id, plan.record)
redis.call('HSET', KEYS[5], plan.pipeline_id, plan.version + 1)
for _, card in ipairs(plan.cards) do
  redis.call('HSET', KEYS[card.key_index], 'content', card.content, 'revision', card.revision)
  if card.seconds > 0 then redis.call('EXPIRE', KEYS[card.key_index], card.seconds) else redis.call('PERSIST', KEYS[card.key_index]) end
end
for _, delivery in ipairs(plan.deliveries) do
  enqueue(KEYS[delivery.key_index], delivery.lane, delivery.id, delivery.row)
end
return written(1)
