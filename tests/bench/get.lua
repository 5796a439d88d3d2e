-- wrk -s get.lua URL: the smallest request there is.
require 'report'
