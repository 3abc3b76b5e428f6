-- One life of one server: it ends with a restart, and where another takes its place. '' where the host tells nobody.
local function life()
  local told = redis.pcall('INFO', 'server')
  return type(told) == 'string' and string.match(told, 'run_id:(%x+)') or ''
end

