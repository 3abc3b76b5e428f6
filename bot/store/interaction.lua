-- A command or click: kept before Slack is told that it arrived, and taken up once, however often it is delivered.
-- KEYS: mark of this interaction, interactions   ARGV: who marks it, seconds to remember it, id, interaction
if not redis.call('SET', KEYS[1], ARGV[1], 'NX', 'EX', ARGV[2]) then
  -- Our own mark: the connection broke after it was set, and the client asked again.
  if redis.call('GET', KEYS[1]) ~= ARGV[1] then return 0 end
end
redis.call('HSET', KEYS[2], ARGV[3], ARGV[4])
return 1
