-- upload.lua for clients that wait when they are told to: one connection a thread, so that each
-- thread knows what its one client was answered and when. wrk starts its threads one after the
-- other, before its own clock: so each answer is told with its moment (CLOCK_MONOTONIC).
-- Environment beside upload.lua's: UPLOAD_SCRIPT (its path).
dofile(os.getenv("UPLOAD_SCRIPT"))
local ffi = require("ffi")
ffi.cdef("typedef struct { long seconds, nanoseconds; } moment; int clock_gettime(int, moment *);")
local moment, wait_ms, known = ffi.new("moment"), 0, {}
local number_thread, build = setup, request
sent_ms, first_ms, answers, others = 0, 0, {}, 0

local function now_ms()
  ffi.C.clock_gettime(1, moment)
  return tonumber(moment.seconds) * 1e3 + tonumber(moment.nanoseconds) / 1e6
end

function setup(thread)
  number_thread(thread)
  table.insert(known, thread)
end

function request()
  local form = build()
  sent_ms = now_ms()
  if first_ms == 0 then first_ms = sent_ms end
  return form
end

function delay()
  local asked = wait_ms
  wait_ms = 0
  return asked
end

function response(status, headers)
  if status ~= 201 and status ~= 503 then others = others + 1 end
  if status == 503 then
    wait_ms = 1000 * tonumber(headers["retry-after"] or headers["Retry-After"] or 1)
  end
  table.insert(answers, string.format("[%d, %.3f, %.3f]", status, sent_ms, now_ms()))
end

function done(summary)
  local file, told, began, odd = io.open(os.getenv("RESULT"), "w"), {}, 0, 0
  for _, thread in ipairs(known) do
    for _, each in ipairs(thread:get("answers")) do table.insert(told, each) end
    began, odd = math.max(began, thread:get("first_ms")), odd + thread:get("others")
  end
  local errors = summary.errors
  file:write(string.format(
    '{"began_ms": %.3f, "answers": [%s], "others": %d}', began, table.concat(told, ", "),
    odd + errors.connect + errors.read + errors.write + errors.timeout))
  file:close()
end
