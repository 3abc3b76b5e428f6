-- Appends changes to the audit log, and drops those of over 90 days. Only here, Redis' clock stamps both.
local function audit(key, rows)
  local oldest = (tonumber(redis.call('TIME')[1]) - 90 * 86400) * 1000
  for _, row in ipairs(rows) do
    redis.call('XADD', key, 'MINID', string.format('%d', oldest), '*', 'entry', row)
  end
end

