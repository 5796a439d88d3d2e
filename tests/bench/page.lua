-- wrk -s page.lua URL -- PATH TOKEN: asks for one path again and again, with the access token of
-- the file TOKEN.
require 'report'

function init(args)
  local headers = { ['Authorization'] = 'Bearer ' .. read_file(args[2]):match('%S+') }
  page = wrk.format('GET', args[1], headers)
end

function request()
  return page
end
