-- wrk -s authorize.lua URL -- KEYS TOKEN: asks by headers about a key of the file KEYS, any of them
-- each time, as a gateway with the service token of the file TOKEN does. Only the key differs
-- between requests, and all keys are of one length, so that a request is put together out of three
-- strings.
require 'report'

local keys, width, count, head, tail
local random = math.random

function init(args)
  keys = read_file(args[1])
  width = assert(keys:find('\n', 1, true))
  count = #keys / width
  assert(count == math.floor(count), 'keys differ in length')
  local blank = string.rep('#', width - 1)
  local headers = {
    ['Authorization'] = 'Bearer ' .. blank,
    ['X-Countersign-Token'] = read_file(args[2]):match('%S+'),
  }
  local request = wrk.format('GET', '/v1/authorize?scope=orders.read', headers)
  local from, to = assert(request:find(blank, 1, true))
  head, tail = request:sub(1, from - 1), request:sub(to + 1)
  math.randomseed(os.time())
end

function request()
  local at = random(0, count - 1) * width
  return head .. keys:sub(at + 1, at + width - 1) .. tail
end
