-- One reading, click or new watch: the state and every delivery it owes, or nothing.
-- KEYS: (3 of the fence), records, versions, watches_version, then the cards and outboxes named in ARGV[1]
-- ARGV[1]: {pipeline_id, version, watches_version, record, cards: [{slot, content, revision, seconds}], deliveries: [{slot, lane, id, row}]}
local plan = cjson.decode(ARGV[1])
if tonumber(redis.call('HGET', KEYS[5], plan.pipeline_id) or '0') ~= plan.version then return 0 end
if tonumber(redis.call('GET', KEYS[6]) or '0') ~= plan.watches_version then return 0 end

redis.call('HSET', KEYS[4], plan.pipeline_id, plan.record)
redis.call('HSET', KEYS[5], plan.pipeline_id, plan.version + 1)
for _, card in ipairs(plan.cards) do
  redis.call('HSET', KEYS[card.slot], 'content', card.content, 'revision', card.revision)
  if card.seconds > 0 then redis.call('EXPIRE', KEYS[card.slot], card.seconds) else redis.call('PERSIST', KEYS[card.slot]) end
end
for _, delivery in ipairs(plan.deliveries) do
  enqueue(KEYS[delivery.slot], delivery.lane, delivery.id, delivery.row)
end
return written(1)
