-- Records that a bot accepted the loss of writes. The heartbeat then exists before any record that the bot restores, so
-- `present.lua` does not report it as lost.
-- KEYS: (3 of the fence), heartbeat   ARGV: when a bot found the loss; '' after Redis was emptied: nothing is in doubt
redis.call('HSET', KEYS[4], 'doubt', ARGV[1])
return written(1)
