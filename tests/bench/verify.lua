-- wrk -s verify.lua URL -- KEYS TOKEN: asks about a key of the file KEYS, any of them each time,
-- with the service token of the file TOKEN. Only the key differs between requests, and all keys are
-- of one length, so that a request is put together out of three strings.
require 'report'
require 'keys'

local key, head, tail

function init(args)
  local length
  key, length = any_key(args[1])
  local blank = string.rep('#', length)
  local headers = {
    ['Authorization'] = 'Bearer ' .. read_file(args[2]):match('%S+'),
    ['Content-Type'] = 'application/json',
  }
  local body = '{"key":"' .. blank .. '","scopes":["orders.read"]}'
  local request = wrk.format('POST', '/v1/verify', headers, body)
  local from, to = assert(request:find(blank, 1, true))
  head, tail = request:sub(1, from - 1), request:sub(to + 1)
end

function request()
  return head .. key() .. tail
end
