-- wrk asks for the same file again and again. Environment: TOKEN, RESULT (a file for the figures).
wrk.headers["Authorization"] = "Bearer " .. os.getenv("TOKEN")

function done(summary, latency)
  local file = io.open(os.getenv("RESULT"), "w")
  local errors = summary.errors
  file:write(string.format(
    '{"requests": %d, "seconds": %f, "received_bytes": %.0f, "failed": %d, ' ..
    '"p50_ms": %f, "p95_ms": %f, "p99_ms": %f}',
    summary.requests, summary.duration / 1e6, summary.bytes,
    errors.status + errors.connect + errors.read + errors.write + errors.timeout,
    latency:percentile(50) / 1e3, latency:percentile(95) / 1e3, latency:percentile(99) / 1e3))
  file:close()
end
