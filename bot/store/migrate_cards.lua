-- Turns cards, groups and bursts of version 2 into texts. Cards of version 0 name their group `storm`.
-- KEYS: lease, then each old key, and the key of the progress if it is a card's   ARGV: token
-- Answers the number of converted keys.
if redis.call('GET', KEYS[1]) ~= ARGV[1] then return 0 end

local converted = 0
local function replace(key, text, milliseconds)
  if milliseconds > 0 then redis.call('SET', key, text, 'PX', milliseconds) else redis.call('SET', key, text) end
end

for i = 2, #KEYS, 2 do
  local key, kind, left = KEYS[i], redis.call('TYPE', KEYS[i]).ok, redis.call('PTTL', KEYS[i])
  if kind ~= 'string' then converted = converted + 1 end
  if kind == 'set' then
    replace(key, table.concat(redis.call('SMEMBERS', key), ' '), left)
  elseif kind == 'zset' then
    replace(key, table.concat(redis.call('ZRANGE', key, 0, -1), ' '), left)
  elseif kind == 'hash' then
    local card, fields = {}, redis.call('HGETALL', key)
    for j = 1, #fields, 2 do card[fields[j]] = fields[j + 1] end
    local progress = {
      revision = tonumber(card.revision), delivered = tonumber(card.delivered), held = tonumber(card.held),
      ts = card.ts, group = card.group or card.storm, removed = tonumber(card.removed), forgotten = tonumber(card.forgotten),
    }
    if left > 0 then progress.seconds = math.ceil(left / 1000) end
    replace(KEYS[i + 1], cjson.encode(progress), left)
    if card.content then replace(key, card.content, left) else redis.call('DEL', key) end
  end
end
return converted
