-- Writes plans, each all or nothing: the state, its transitions, its cards and its deliveries. Answers a number whose bit N
-- (counted from 0) says that plan N is written. The others were made for another version of the record or the watches.
-- Answers -3, and writes nothing, if the caller polled and lost the leader's lease.
-- KEYS: (3 of the fence), records, versions, watches_version, the leader's lease, then for each plan: its history, its
--       receipts, its cards, the progress of each, the outbox of each delivery; then audit, record_changes
-- ARGV: a document, the token of the leader or '', then for each plan: the record, the content of each card, the row of each delivery. The document has a
--       list of {pipeline_id, version, watches_version,
--       history: {head, lines, oldest, most, seconds}, receipt: a row or '', receipts: their limits,
--       audit: entries for the audit log, cards: [{revision, check, seconds}], deliveries: [{lane, id}]}.
--       `seconds`: how long to keep the card (0: for good)

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

-- Of two plans for one pipeline, only the first is written: the second was made for the state before it.
local plans, log = cjson.decode(ARGV[1]), table.remove(KEYS)
local audit_key = table.remove(KEYS)
local ids, histories = {}, {}
local key, arg = 8, 3
for i, plan in ipairs(plans) do
  plan.key, plan.arg = key, arg
  ids[i], histories[i] = plan.pipeline_id, KEYS[key]
  key = key + 2 + 2 * #plan.cards + #plan.deliveries
  arg = arg + 1 + #plan.cards + #plan.deliveries
end
local shared = redis.call('MGET', KEYS[6], KEYS[7])
if ARGV[2] ~= '' and ARGV[2] ~= shared[2] then return -3 end
local watches_version = tonumber(shared[1] or '0')
local versions, pasts = redis.call('HMGET', KEYS[5], unpack(ids)), redis.call('MGET', unpack(histories))
local current, written_plans, mask = {}, {}, 0
for i, plan in ipairs(plans) do
  local id, history = plan.pipeline_id, plan.history
  current[id] = current[id] or tonumber(versions[i] or '0')
  if current[id] == plan.version and watches_version == plan.watches_version then
    local past = pasts[i] or history.head
    if history.lines ~= '' and tonumber(string.match(past, '^(%d+)\n') or 0) > tonumber(history.head) then return -2 end
    current[id] = plan.version + 1
    mask = mask + 2 ^ (i - 1)
    plan.past = past
    written_plans[#written_plans + 1] = plan
  end
end
if mask == 0 then return 0 end

local records, new_versions, contents, cards, deliveries = {}, {}, {}, {}, {}
for _, plan in ipairs(written_plans) do
  local number = #plan.cards
  records[#records + 1] = plan.pipeline_id
  records[#records + 1] = ARGV[plan.arg]
  new_versions[#new_versions + 1] = plan.pipeline_id
  new_versions[#new_versions + 1] = plan.version + 1
  for i, card in ipairs(plan.cards) do
    contents[KEYS[plan.key + 1 + i]] = ARGV[plan.arg + i]
    cards[plan.key + 1 + number + i] = card
    if card.seconds > 0 then card.content = KEYS[plan.key + 1 + i] end
  end
  for i, delivery in ipairs(plan.deliveries) do
    deliveries[#deliveries + 1] =
      { KEYS[plan.key + 1 + 2 * number + i], delivery.lane, delivery.id, ARGV[plan.arg + number + i] }
  end
end

-- A refused command ends the script, but undoes nothing. So the state comes after its cards and deliveries: a repeat may
-- follow, but no loss. The log comes last, since it only saves reads.
write_texts(contents)
local progress = read_posted(cards)
for i, card in pairs(cards) do
  local row = progress[i]
  row.revision, row.check, row.seconds = card.revision, card.check, card.seconds
  if card.content then redis.call('EXPIRE', card.content, card.seconds) end
end
write_posted(progress)
enqueue_all(deliveries)
for _, plan in ipairs(written_plans) do
  local history, past = plan.history, plan.past
  if history.lines ~= '' then
    local damaged = string.sub(past, 1, #history.head) ~= history.head or string.sub(past, -1) ~= '\n'
    remember(KEYS[plan.key], damaged and history.head or past, history)
  end
  if plan.receipt ~= '' then add_receipt(KEYS[plan.key + 1], plan.receipt, plan.receipts) end
  if #plan.audit > 0 then audit(audit_key, plan.audit) end
end
redis.call('HSET', KEYS[4], unpack(records))
redis.call('HSET', KEYS[5], unpack(new_versions))
redis.call('XADD', log, 'MAXLEN', '~', 1000, '*', unpack(new_versions))  -- as KEPT in change_log.py
return written(mask)
