-- wrk -s create.lua URL -- CREATORS: creates test credentials, each for any one of the accounts of
-- the file, whose lines are an account's id and a token of its developer.
require 'report'

local requests = {}
local random = math.random

function init(args)
  for account, token in read_file(args[1]):gmatch('(%S+) (%S+)\n') do
    local headers = {
      ['Authorization'] = 'Bearer ' .. token,
      ['Content-Type'] = 'application/json',
    }
    local body = '{"account_id":"' .. account .. '","mode":"test","name":"Order export",' ..
      '"scopes":["orders.read"]}'
    requests[#requests + 1] = wrk.format('POST', '/v1/credentials', headers, body)
  end
  math.randomseed(os.time())
end

function request()
  return requests[random(#requests)]
end
