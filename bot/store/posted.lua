-- Reads and writes the progress of cards: how much of each card its channel has. One command serves many cards.
-- A row is a JSON object: revision and check of the content, ts, delivered, group, held, removed, forgotten, seconds.

local MOST = 1000  -- keys in one command: Lua can pass only a few thousand arguments

-- The numbers from `first` to `last`, as the keys of a table.
local function range(first, last)
  local numbers = {}
  for i = first, last do numbers[i] = true end
  return numbers
end

-- The values of a list from place `first` on, `number` of them. Unlike `{ unpack(...) }`, it has no limit.
local function slice(list, first, number)
  local part = {}
  for i = first, first + number - 1 do part[#part + 1] = list[i] end
  return part
end

-- The rows of the keys with these numbers in KEYS, by number. A missing row is empty.
local function read_posted(numbers)
  local rows, asked, keys = {}, {}, {}
  local function flush()
    if #keys == 0 then return end
    for i, text in ipairs(redis.call('MGET', unpack(keys))) do rows[asked[i]] = text and cjson.decode(text) or {} end
    asked, keys = {}, {}
  end
  for i in pairs(numbers) do
    asked[#asked + 1] = i
    keys[#keys + 1] = KEYS[i]
    if #keys >= MOST then flush() end
  end
  flush()
  return rows
end

-- Writes a text to each key.
local function write_texts(texts)
  local arguments = {}
  local function flush()
    if #arguments > 0 then redis.call('MSET', unpack(arguments)) end
    arguments = {}
  end
  for key, text in pairs(texts) do
    arguments[#arguments + 1] = key
    arguments[#arguments + 1] = text
    if #arguments >= 2 * MOST then flush() end
  end
  flush()
end

-- MSET removes the expiry, so the card of a closed episode gets it again.
local function write_posted(rows)
  local texts = {}
  for i, row in pairs(rows) do texts[KEYS[i]] = cjson.encode(row) end
  write_texts(texts)
  for i, row in pairs(rows) do
    if (row.seconds or 0) > 0 then redis.call('EXPIRE', KEYS[i], row.seconds) end
  end
end

-- Adds cards to a group: a text of keys.
local function join(group, keys, seconds)
  local members, there = redis.call('GET', group) or '', {}
  for key in string.gmatch(members, '%S+') do there[key] = true end
  local texts = { members ~= '' and members or nil }
  for _, key in ipairs(keys) do
    if not there[key] then texts[#texts + 1] = key end
  end
  redis.call('SET', group, table.concat(texts, ' '), 'EX', seconds)
end

-- The receiver got a failure card, or a group took more failures.
local function remember_failure(recent, key, at, since)
  redis.call('ZADD', recent, at, key)
  redis.call('ZREMRANGEBYSCORE', recent, '-inf', '(' .. since)
  redis.call('EXPIRE', recent, 7200)
end
