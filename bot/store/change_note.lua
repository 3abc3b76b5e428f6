-- Sets a note, or removes it if the row is ''. This counts as a change of the watches: every bot reads both again, and
-- Redis refuses a plan made with the old note.
-- KEYS: (3 of the fence), notes, watches_version, audit   ARGV: id, row or '', entry for the audit log
if ARGV[2] == '' then
  if redis.call('HDEL', KEYS[4], ARGV[1]) == 0 then return 0 end
else
  redis.call('HSET', KEYS[4], ARGV[1], ARGV[2])
end
audit(KEYS[6], { ARGV[3] })
redis.call('INCR', KEYS[5])
return written(1)
