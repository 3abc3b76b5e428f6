-- Reserves times for reads, evenly spaced among all readers.
-- The key holds the first free time, in microseconds of Redis' clock.
-- KEYS: gate   ARGV: number of reads, microseconds between two, the most microseconds that a read may wait
-- Answers how many reads got a time, and the microseconds until the first.
local reads, spacing, most = tonumber(ARGV[1]), tonumber(ARGV[2]), tonumber(ARGV[3])
local time = redis.call('TIME')
local now = time[1] * 1000000 + time[2]
local free = tonumber(redis.call('GET', KEYS[1]) or '') or now
-- Beyond that, the key is another server's, whose clock is ahead.
if free < now or free > now + 2 * (most + spacing) then free = now end
local given = math.min(reads, math.floor((most - (free - now)) / spacing) + 1)
if given < 1 then return { 0, 0 } end
local next = free + given * spacing
redis.call('SET', KEYS[1], string.format('%.0f', next), 'PX', math.ceil((next - now) / 1000) + 1000)
return { given, free - now }
