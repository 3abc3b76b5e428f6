-- Replaces the channel ids of version 1 by aliases, in one step.
-- KEYS: lease, renames, open_renames, renamed_at, aliases, watches_version   ARGV: token, then id and row of each alias
if redis.call('GET', KEYS[1]) ~= ARGV[1] then return 0 end
for i = 2, #ARGV, 2 do redis.call('HSET', KEYS[5], ARGV[i], ARGV[i + 1]) end
if #ARGV > 1 then redis.call('INCR', KEYS[6]) end
redis.call('DEL', KEYS[2], KEYS[3], KEYS[4])
return 1
