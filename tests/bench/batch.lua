-- wrk -s batch.lua URL -- KEYS TOKEN: asks about 256 keys of the file KEYS at once, any of them
-- each time, with the service token of the file TOKEN. Batches are made beforehand, since the load
-- generator must not be what is measured.
require 'report'
require 'keys'

local SIZE = 256
local BATCHES = 512
local batches = {}

function init(args)
  local key = any_key(args[1])
  local headers = {
    ['Authorization'] = 'Bearer ' .. read_file(args[2]):match('%S+'),
    ['Content-Type'] = 'application/json',
  }
  for i = 1, BATCHES do
    local items = {}
    for j = 1, SIZE do
      items[j] = '{"key":"' .. key() .. '","scopes":["orders.read"]}'
    end
    local body = '{"items":[' .. table.concat(items, ',') .. ']}'
    batches[i] = wrk.format('POST', '/v1/verify/batch', headers, body)
  end
end

function request()
  return batches[math.random(1, BATCHES)]
end
