-- The id of the server's current run: it changes with a restart, and if another server takes over. '' if the host hides it.
local function life()
  local told = redis.pcall('INFO', 'server')
  return type(told) == 'string' and string.match(told, 'run_id:(%x+)') or ''
end

