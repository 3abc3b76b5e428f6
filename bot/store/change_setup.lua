-- Makes, changes or ends rows of the setup, all or nothing. Answers 0 if watches, notes or setup have changed since the
-- caller read them. The same step writes the announcements and the audit log. It counts as a change of the watches: every
-- bot reads both again, and Redis refuses a plan made with the old setup.
-- KEYS: (3 of the fence), watches_version, setup, audit, then an outbox for each delivery
-- ARGV: version, number of rows, of entries, of deliveries, then id and row of each ('': it
--       ends), the entries, then lane, delivery id, row of each delivery
if tonumber(redis.call('GET', KEYS[4]) or '0') ~= tonumber(ARGV[1]) then return 0 end
local position, entries = 5, {}
for _ = 1, tonumber(ARGV[2]) do
  local id, row = ARGV[position], ARGV[position + 1]
  if row == '' then redis.call('HDEL', KEYS[5], id) else redis.call('HSET', KEYS[5], id, row) end
  position = position + 2
end
for i = 1, tonumber(ARGV[3]) do entries[i] = ARGV[position + i - 1] end
position = position + #entries
audit(KEYS[6], entries)
redis.call('INCR', KEYS[4])
for i = 1, tonumber(ARGV[4]) do
  enqueue(KEYS[6 + i], ARGV[position], ARGV[position + 1], ARGV[position + 2])
  position = position + 3
end
return written(1)
