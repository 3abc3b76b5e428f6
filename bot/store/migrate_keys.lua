-- Renames keys of an older version. Both names exist if an older bot went on writing; then fields of the new key win.
-- KEYS: lease, then old and new name of each key   ARGV: token, then the type that each old key must have
-- Answers the number of renamed keys.
if redis.call('GET', KEYS[1]) ~= ARGV[1] then return 0 end
local renamed = 0
for i = 2, #KEYS, 2 do
  local old, new, wanted = KEYS[i], KEYS[i + 1], ARGV[1 + i / 2]
  local kind = redis.call('TYPE', old).ok
  if kind == wanted then
    if redis.call('EXISTS', new) == 0 then
      redis.call('RENAME', old, new)
    else
      if kind == 'hash' then
        local fields = redis.call('HGETALL', old)
        for j = 1, #fields, 2 do redis.call('HSETNX', new, fields[j], fields[j + 1]) end
      elseif kind == 'set' then
        for _, member in ipairs(redis.call('SMEMBERS', old)) do redis.call('SADD', new, member) end
      end
      redis.call('DEL', old)
    end
    renamed = renamed + 1
  end
end
return renamed
