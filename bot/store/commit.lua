-- One reading, click or new watch: the state and every delivery it owes, or nothing.
-- KEYS: records, versions, watches_version, deliveries, channels, sequence, writes, then the cards and outboxes named in ARGV[1]
-- ARGV[1]: {pipeline_id, version, watches_version, record, cards: [{slot, content, revision, seconds}], deliveries: [{slot, channel, id, row}]}
local plan = cjson.decode(ARGV[1])
if tonumber(redis.call('HGET', KEYS[2], plan.pipeline_id) or '0') ~= plan.version then return 0 end
if tonumber(redis.call('GET', KEYS[3]) or '0') ~= plan.watches_version then return 0 end

redis.call('HSET', KEYS[1], plan.pipeline_id, plan.record)
redis.call('HSET', KEYS[2], plan.pipeline_id, plan.version + 1)
for _, card in ipairs(plan.cards) do
  redis.call('HSET', KEYS[card.slot], 'content', card.content, 'revision', card.revision)
  if card.seconds > 0 then redis.call('EXPIRE', KEYS[card.slot], card.seconds) else redis.call('PERSIST', KEYS[card.slot]) end
end
for _, delivery in ipairs(plan.deliveries) do
  -- A row that is owed already stays as it is: it may be under way, and a card is sent at its latest revision anyhow.
  if redis.call('HSETNX', KEYS[4], delivery.id, delivery.row) == 1 then
    redis.call('ZADD', KEYS[delivery.slot], redis.call('INCR', KEYS[6]), delivery.id)
    redis.call('SADD', KEYS[5], delivery.channel)
  end
end
redis.call('INCR', KEYS[7])
return 1
