-- wrk sends one form after the other; no two bodies are the same, so no cache of a scanner helps.
-- Environment: BODY_BYTES, TOKEN (may be empty), RESULT (a file for the figures), and FAULT:
-- length, extension, type, name or malware.
local size, token = tonumber(os.getenv("BODY_BYTES")), os.getenv("TOKEN")
local fault = os.getenv("FAULT") or ""
local names = {extension = "note.exe", name = "../note.txt"}
-- EICAR is put together here, so that this file is not taken for it.
local beginnings = {
  type = "\137PNG\r\n\26\n\0\0\0\13IHDR",
  malware = "X5O!P%@AP[4\\PZX54(P^)7CC)7}$" .. "EICAR-STANDARD-" .. "ANTIVIRUS-TEST-FILE!$H+H*",
}
local boundary = "measured-boundary"
local head = "--" .. boundary .. "\r\nContent-Disposition: form-data; name=\"file\"; " ..
    "filename=\"" .. (names[fault] or "note.txt") .. "\"\r\nContent-Type: text/plain\r\n\r\n" ..
    (beginnings[fault] or "")
local tail = "\r\n--" .. boundary .. "--\r\n"
local line = "The quick brown fox jumps over the lazy dog, and so does every other one.\n"
local number, threads, prefix, filler = 0, 0, "", ""

function setup(thread)
  thread:set("thread_number", threads)
  threads = threads + 1
end

function init(args)
  math.randomseed(os.time() + thread_number)
  prefix = string.format("%08x%08x", math.random(0, 2^31 - 1), math.random(0, 2^31 - 1))
  filler = string.rep(line, math.ceil(size / #line) + 1)
  filler = string.sub(filler, 1, math.max(0, size - 27)) .. tail
  wrk.headers["Content-Type"] = "multipart/form-data; boundary=" .. boundary
  if fault == "malware" then filler = tail end
  if fault == "length" then wrk.headers["Content-Length"] = "9999999999" end
  if token ~= "" then wrk.headers["Authorization"] = "Bearer " .. token end
end

function request()
  number = number + 1
  if fault == "malware" then return wrk.format("POST", nil, nil, head .. filler) end
  if fault == "length" then return wrk.format("POST", nil, nil, "") end
  local unique = string.format("%s %09d\n", prefix, number)
  return wrk.format("POST", nil, nil, head .. unique .. filler)
end

function done(summary, latency, requests)
  local file = io.open(os.getenv("RESULT"), "w")
  local errors = summary.errors
  file:write(string.format(
    '{"requests": %d, "seconds": %f, "not_2xx": %d, "socket_errors": %d, ' ..
    '"p50_ms": %f, "p95_ms": %f, "p99_ms": %f}',
    summary.requests, summary.duration / 1e6, errors.status,
    errors.connect + errors.read + errors.write + errors.timeout,
    latency:percentile(50) / 1e3, latency:percentile(95) / 1e3, latency:percentile(99) / 1e3))
  file:close()
end
