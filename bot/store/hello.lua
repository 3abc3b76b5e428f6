-- Greets a channel. Answers 0 if it was greeted recently.
-- KEYS: (3 of the fence), hello, outbox   ARGV: seconds to remember it, lane, id, row
if not redis.call('SET', KEYS[4], 1, 'NX', 'EX', ARGV[1]) then return 0 end
enqueue(KEYS[5], ARGV[2], ARGV[3], ARGV[4])
return written(1)
