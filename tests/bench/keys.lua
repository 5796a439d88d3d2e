-- The keys of a file, one a line and all of one length. The file is mapped and not read: of ten
-- million keys the load generator could not hold as many bytes.
local ffi = require 'ffi'
local random = math.random
local O_RDONLY, SEEK_END, PROT_READ, MAP_PRIVATE = 0, 2, 1, 2
local LONGEST = 256

ffi.cdef [[
int open(const char *path, int flags, ...);
long lseek(int fd, long offset, int whence);
void *mmap(void *address, size_t length, int protection, int flags, int fd, long offset);
]]

-- A function that gives any of the keys each time, and the length of each.
function any_key(path)
  local fd = ffi.C.open(path, O_RDONLY)
  assert(fd >= 0, path)
  local size = tonumber(ffi.C.lseek(fd, 0, SEEK_END))
  local mapped = ffi.C.mmap(nil, size, PROT_READ, MAP_PRIVATE, fd, 0)
  assert(ffi.cast('intptr_t', mapped) ~= -1, 'cannot map ' .. path)
  local keys = ffi.cast('const char *', mapped)
  local width = assert(ffi.string(keys, math.min(size, LONGEST)):find('\n', 1, true))
  local count = size / width
  assert(count == math.floor(count), 'keys differ in length')
  math.randomseed(os.time())
  return function() return ffi.string(keys + random(0, count - 1) * width, width - 1) end, width - 1
end
