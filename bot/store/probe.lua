-- Runs every command that the other scripts use, on keys of its own, and answers with the first text of each refusal.
-- KEYS: hash, sorted set, set, text, text to rename
local hash, sorted, set, text, other = KEYS[1], KEYS[2], KEYS[3], KEYS[4], KEYS[5]
local refused = {}
local function try(...)
  local answer = redis.pcall(...)
  if type(answer) == 'table' and answer.err then refused[#refused + 1] = select(1, ...) .. ': ' .. answer.err end
end
try('TIME')
try('SET', text, '1', 'PX', 60000)
try('GET', text)
try('INCR', text)
try('INCRBY', text, 1)
try('MSET', text, '1')
try('MGET', text)
try('PTTL', text)
try('TYPE', text)
try('EXISTS', text)
try('PERSIST', text)
try('EXPIRE', text, 60)
try('RENAME', text, other)
try('HSET', hash, 'a', '1', 'b', '2')
try('HSETNX', hash, 'a', '1')
try('HINCRBY', hash, 'a', 1)
try('HGET', hash, 'a')
try('HMGET', hash, 'a', 'b')
try('HGETALL', hash)
try('HEXISTS', hash, 'a')
try('HDEL', hash, 'a')
try('SADD', set, 'a')
try('SREM', set, 'a')
try('ZADD', sorted, 1, 'a')
try('ZRANGE', sorted, 0, -1)
try('ZSCORE', sorted, 'a')
try('ZCARD', sorted)
try('ZREM', sorted, 'a')
try('DEL', hash, sorted, set, text, other)
return refused
