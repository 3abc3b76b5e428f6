-- Combines the rows of a pager's lane, and updates the pager's incidents. A row that exists keeps its place.
-- Answers 0 if the caller lost the lane's lease.
-- KEYS: (3 of the fence), lease, outbox, incidents of the pager
-- ARGV: token, lane, number of replaced rows, of rows, of incidents, seconds to keep the incidents; then the replaced ids,
--       id and row of each row, key and row of each incident, the keys of incidents that are over
if redis.call('GET', KEYS[4]) ~= ARGV[1] then return 0 end
local replaced, rows, incidents = tonumber(ARGV[3]), tonumber(ARGV[4]), tonumber(ARGV[5])
local first = 7
if replaced > 0 then take_away(KEYS[5], ARGV[2], slice(ARGV, first, replaced)) end
first = first + replaced
local deliveries = {}
for i = first, first + 2 * rows - 1, 2 do
  if redis.call('HEXISTS', KEYS[1], ARGV[i]) == 1 then
    redis.call('HSET', KEYS[1], ARGV[i], ARGV[i + 1])
  else
    deliveries[#deliveries + 1] = { KEYS[5], ARGV[2], ARGV[i], ARGV[i + 1] }
  end
end
enqueue_all(deliveries)
first = first + 2 * rows
for i = first, first + 2 * incidents - 1, 2 do redis.call('HSET', KEYS[6], ARGV[i], ARGV[i + 1]) end
for i = first + 2 * incidents, #ARGV do redis.call('HDEL', KEYS[6], ARGV[i]) end
redis.call('EXPIRE', KEYS[6], ARGV[6])
return written(1)
