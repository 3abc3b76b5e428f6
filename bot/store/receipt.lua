-- Appends a row to the receipts of one pipeline, and drops the oldest: all but `most`, and now and then those before `oldest`
-- (milliseconds). A row is a JSON array that begins with its time. `seconds`: how long all of them outlive the last one.
local function add_receipt(key, row, limits)
  local number = redis.call('RPUSH', key, row)
  redis.call('EXPIRE', key, limits.seconds)
  if number > limits.most then redis.call('LTRIM', key, -limits.most, -1) end
  if number % 16 > 0 then return end
  while tonumber(string.match(redis.call('LINDEX', key, 0) or '', '^%[(%d+)') or limits.oldest) < limits.oldest do
    redis.call('LPOP', key)
  end
end

