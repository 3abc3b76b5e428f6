-- Reads and writes the progress of cards: how much of each card its channel has. One command serves many cards.
-- A row is a JSON object: revision and check of the content, ts, delivered, group, held, removed, forgotten, seconds.

local MOST = 1000  -- keys in one command: Lua can pass only a few thousand arguments

-- The rows of these keys, by their number in KEYS. A missing row is empty.
local function read_posted(first, last)
  local rows = {}
  for from = first, last, MOST do
    for i, text in ipairs(redis.call('MGET', unpack(KEYS, from, math.min(last, from + MOST - 1)))) do
      rows[from + i - 1] = text and cjson.decode(text) or {}
    end
  end
  return rows
end

-- MSET removes the expiry, so the card of a closed episode gets it again.
local function write_posted(rows)
  local pairs_of = {}
  local function flush()
    if #pairs_of > 0 then redis.call('MSET', unpack(pairs_of)) end
    pairs_of = {}
  end
  for i, row in pairs(rows) do
    pairs_of[#pairs_of + 1] = KEYS[i]
    pairs_of[#pairs_of + 1] = cjson.encode(row)
    if #pairs_of >= MOST then flush() end
  end
  flush()
  for i, row in pairs(rows) do
    if (row.seconds or 0) > 0 then redis.call('EXPIRE', KEYS[i], row.seconds) end
  end
end

-- Adds cards to a group: a text of their keys.
local function join(group, keys, seconds)
  local members = redis.call('GET', group) or ''
  for _, key in ipairs(keys) do
    if not string.find(members, key, 1, true) then members = members .. (members == '' and '' or ' ') .. key end
  end
  if seconds then redis.call('SET', group, members, 'EX', seconds) else redis.call('SET', group, members, 'KEEPTTL') end
end

