-- Adds pipelines to the catalogue, replaces or removes others, and logs the id of each. Answers -3, and changes nothing, if the
-- caller listed as the leader and lost its lease.
-- KEYS: pipelines, pipeline_changes, the leader's lease
-- ARGV: the leader's token or '', how many changes the log keeps, then the id and the row of each pipeline ('': remove it)
if ARGV[1] ~= '' and ARGV[1] ~= redis.call('GET', KEYS[3]) then return -3 end
for i = 3, #ARGV, 2 do
  local id, row = ARGV[i], ARGV[i + 1]
  if row == '' then
    redis.call('HDEL', KEYS[1], id)
  else
    redis.call('HSET', KEYS[1], id, row)
  end
  redis.call('XADD', KEYS[2], 'MAXLEN', '~', ARGV[2], '*', id, '')
end
return 1
