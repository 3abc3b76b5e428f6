-- Keeps the latest time of all bots. Answers it and Redis' own clock, in microseconds since 1970.
-- The two differ after someone set Redis' clock, or after a failover. `clock` is Redis' clock when `latest` was written.
-- KEYS: clock   ARGV: the caller's time; '' changes nothing, and answers the time that the other bots have by now
local function microseconds(number) return string.format('%.0f', number) end

local seconds = redis.call('TIME')
local clock = seconds[1] * 1000000 + seconds[2]
local stored = redis.call('HMGET', KEYS[1], 'latest', 'clock')
local latest, clock_then = tonumber(stored[1] or ''), tonumber(stored[2] or '')
if ARGV[1] == '' then
  if not (latest and clock_then) then return { clock, clock } end
  return { latest + math.max(0, clock - clock_then), clock }
end
latest = math.max(latest or 0, tonumber(ARGV[1]))
redis.call('HSET', KEYS[1], 'latest', microseconds(latest), 'clock', microseconds(clock))
return { latest, clock }
