-- Writes one plan, all or nothing: the state, its transitions, its cards and its deliveries.
-- Answers 0 if the record or the watches have changed, or if the caller polled and another process leads by now.
-- KEYS: (3 of the fence), records, versions, watches_version, history of the pipeline, then the cards, the progress of each,
--       the outbox of each delivery, and the leader's lease
-- ARGV: a document, the record, the content of each card, the row of each delivery. The document:
--       {pipeline_id, version, watches_version, lease: token of the leader or none, history: {head, lines, oldest, most, seconds},
--        cards: [{revision, check, seconds}], deliveries: [{lane, id}]}. `seconds`: how long to keep the card (0: for good)

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
if plan.lease and redis.call('GET', KEYS[#KEYS]) ~= plan.lease then return 0 end

local past
if plan.history.lines ~= '' then
  past = redis.call('GET', KEYS[7]) or plan.history.head
  if tonumber(string.match(past, '^(%d+)\n') or 0) > tonumber(plan.history.head) then return -2 end
  local damaged = string.sub(past, 1, #plan.history.head) ~= plan.history.head or string.sub(past, -1) ~= '\n'
  if damaged then past = plan.history.head end
end

if past then remember(KEYS[7], past, plan.history) end
redis.call('HSET', KEYS[4], plan.pipeline_id, ARGV[2])
redis.call('HSET', KEYS[5], plan.pipeline_id, plan.version + 1)

local number = #plan.cards
local progress = read_posted(8 + number, 7 + 2 * number)
for first = 1, number, MOST do
  local contents = {}
  for i = first, math.min(number, first + MOST - 1) do
    contents[#contents + 1] = KEYS[7 + i]
    contents[#contents + 1] = ARGV[2 + i]
  end
  redis.call('MSET', unpack(contents))
end
for i, card in ipairs(plan.cards) do
  local row = progress[7 + number + i]
  row.revision, row.check, row.seconds = card.revision, card.check, card.seconds
  if card.seconds > 0 then redis.call('EXPIRE', KEYS[7 + i], card.seconds) end
end
write_posted(progress)

local deliveries = {}
for i, delivery in ipairs(plan.deliveries) do
  deliveries[i] = { KEYS[7 + 2 * number + i], delivery.lane, delivery.id, ARGV[2 + number + i] }
end
enqueue_all(deliveries)
return written(1)
