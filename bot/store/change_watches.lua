-- Makes, changes or ends watches, all or nothing. Answers 0 if the watches have changed since the caller read them, or if
-- the undo is gone. The same step writes the announcements and the new undo.
-- KEYS: (3 of the fence), watches, watches_version, suspended, resumed, suspend notice of the channel that resumes, the new
--       undo, the used undo, watch_changes, audit, then an outbox for each delivery
-- ARGV: version, channel that resumes or '', time, undo or '', seconds to keep it, 'used' or '', number of deliveries,
--       entries to keep of the log, channel of the watches, number of entries for the audit log, then lane, delivery id,
--       row..., then those entries, then id and row of each watch ('': it ends)
if tonumber(redis.call('GET', KEYS[5]) or '0') ~= tonumber(ARGV[1]) then return 0 end
if ARGV[6] ~= '' and redis.call('DEL', KEYS[10]) == 0 then return 0 end
local first, deliveries, entries = 11, tonumber(ARGV[7]), {}
local first_entry = first + 3 * deliveries
for i = 1, tonumber(ARGV[10]) do entries[i] = ARGV[first_entry + i - 1] end
audit(KEYS[12], entries)
for i = first_entry + #entries, #ARGV, 2 do
  if ARGV[i + 1] == '' then redis.call('HDEL', KEYS[4], ARGV[i]) else redis.call('HSET', KEYS[4], ARGV[i], ARGV[i + 1]) end
  redis.call('XADD', KEYS[11], 'MAXLEN', '~', ARGV[8], '*', ARGV[i], ARGV[9])
end
redis.call('INCR', KEYS[5])
if redis.call('HDEL', KEYS[6], ARGV[2]) == 1 then redis.call('HSET', KEYS[7], ARGV[2], ARGV[3]) end
redis.call('DEL', KEYS[8])
if ARGV[4] ~= '' then redis.call('SET', KEYS[9], ARGV[4], 'EX', ARGV[5]) end
for i = 0, deliveries - 1 do
  enqueue(KEYS[13 + i], ARGV[first + 3 * i], ARGV[first + 3 * i + 1], ARGV[first + 3 * i + 2])
end
return written(1)
