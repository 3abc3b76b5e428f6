-- Replaces rows of a hash that are still as the caller read them. Answers how many are not, or -3, and changes nothing, if
-- the caller acted as the leader and lost its lease.
-- KEYS: hash, the leader's lease   ARGV: the leader's token or '', then field, row before ('': none), row ('': remove it)
if ARGV[1] ~= '' and ARGV[1] ~= redis.call('GET', KEYS[2]) then return -3 end
local late = 0
for i = 2, #ARGV, 3 do
  local field, before, row = ARGV[i], ARGV[i + 1], ARGV[i + 2]
  if (redis.call('HGET', KEYS[1], field) or '') ~= before then
    late = late + 1
  elseif row == '' then
    redis.call('HDEL', KEYS[1], field)
  else
    redis.call('HSET', KEYS[1], field, row)
  end
end
return late
