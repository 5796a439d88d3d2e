-- wrk -s authorize.lua URL -- KEYS TOKEN: asks by headers about a key of the file KEYS, any of them
-- each time, as a gateway with the service token of the file TOKEN does. Only the key differs
-- between requests, and all keys are of one length, so that a request is put together out of three
-- strings.
require 'report'
require 'keys'

local key, head, tail

function init(args)
  local length
  key, length = any_key(args[1])
  local blank = string.rep('#', length)
  local headers = {
    ['Authorization'] = 'Bearer ' .. blank,
    ['X-Countersign-Token'] = read_file(args[2]):match('%S+'),
  }
  local request = wrk.format('GET', '/v1/authorize?scope=orders.read', headers)
  local from, to = assert(request:find(blank, 1, true))
  head, tail = request:sub(1, from - 1), request:sub(to + 1)
end

function request()
  return head .. key() .. tail
end
