-- Renames the field that names a card's group.
-- KEYS: lease, then cards   ARGV: token
if redis.call('GET', KEYS[1]) ~= ARGV[1] then return 0 end
for i = 2, #KEYS do
  local group = redis.call('HGET', KEYS[i], 'storm')
  if group then
    redis.call('HSETNX', KEYS[i], 'group', group)
    redis.call('HDEL', KEYS[i], 'storm')
  end
end
return 1
