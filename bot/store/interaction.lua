-- Keeps a command or click before the bot confirms it to Slack. Answers 0 if Slack delivered it before.
-- KEYS: mark of this interaction, interactions   ARGV: token of the caller, seconds to remember it, id, row
if not redis.call('SET', KEYS[1], ARGV[1], 'NX', 'EX', ARGV[2]) then
  -- The caller's own mark: the connection broke after SET, and the client retried.
  if redis.call('GET', KEYS[1]) ~= ARGV[1] then return 0 end
end
redis.call('HSET', KEYS[2], ARGV[3], ARGV[4])
return 1
