-- Answers which keys are gone since the last call. A key that may run empty gets a field or member '-', so it always exists
-- and its absence means a loss.
-- KEYS: heartbeat, records, then the keys to check   ARGV: name and mark ('hash', 'set' or '') of each of these
local names = redis.call('HGET', KEYS[1], 'present')
local lost, present = {}, ' '
if redis.call('EXISTS', KEYS[1]) == 0 and redis.call('EXISTS', KEYS[2]) == 1 then lost[1] = 'heartbeat' end
for i = 3, #KEYS do
  local name, mark = ARGV[2 * i - 5], ARGV[2 * i - 4]
  local there = redis.call('EXISTS', KEYS[i]) == 1
  if not there and names and string.find(names, ' ' .. name .. ' ', 1, true) then lost[#lost + 1] = name end
  if mark == 'hash' then redis.call('HSETNX', KEYS[i], '-', '-') end
  if mark == 'set' then redis.call('SADD', KEYS[i], '-') end
  if there or mark ~= '' then present = present .. name .. ' ' end
end
if names ~= present then redis.call('HSET', KEYS[1], 'present', present) end
return lost
