-- The id of the server's current run: it changes with a restart, and if another server takes over. '' if the host hides it.
local function life()
  local info = redis.pcall('INFO', 'server')
  return type(info) == 'string' and string.match(info, 'run_id:(%x+)') or ''
end

