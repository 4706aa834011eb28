-- Run by wrk. Asks with one body after the other, from a file with one a line; @n@ in it becomes a number of 8 digits,
-- which counts up. Arguments: the file, the first number, the token or "".
--
-- An answer is wrong if its status is not 200, or if it has errors, or a null where a user is asked for.

local bodies = {}
local threads = {}
local number, next_body
asked, wrong, example = 0, 0, ""

function setup(thread)
  table.insert(threads, thread)
end

function init(args)
  for line in io.lines(args[1]) do
    table.insert(bodies, line)
  end
  number = tonumber(args[2])
  next_body = number % #bodies
  if args[4] == "once" then
    next_body = 0
  end
  wrk.method = "POST"
  wrk.headers["Content-Type"] = "application/json"
  if args[3] ~= "" then
    wrk.headers["Authorization"] = "Bearer " .. args[3]
  end
end

function request()
  local body = bodies[next_body % #bodies + 1]
  next_body = next_body + 1
  number = number + 1
  asked = asked + 1
  return wrk.format(nil, nil, nil, (body:gsub("@n@", string.format("%08d", number))))
end

local function is_wrong(status, body)
  if status ~= 200 or body:sub(1, 100):find('"user"%s*:%s*null') then
    return true
  end
  -- A plain search first: it is fast, and pages are long.
  return body:find('"errors"', 1, true) and body:find('"errors"%s*:%s*%[%s*{')
end

function response(status, headers, body)
  if is_wrong(status, body) then
    wrong = wrong + 1
    example = status .. " " .. body:sub(1, 300)
  end
end

-- JSON, but for the example: that is quoted as Lua does, and stands on a line of its own.
function done(summary, latency, requests)
  local failed = summary.errors.connect + summary.errors.read + summary.errors.write + summary.errors.timeout
  local seen = ""
  local total = 0
  for _, thread in ipairs(threads) do
    failed = failed + thread:get("wrong")
    total = total + thread:get("asked") - 1 -- wrk tries the function once before it begins
    seen = thread:get("example")
  end
  io.write("\nRESULT ", string.format(
    '{"requests": %d, "asked": %d, "seconds": %.6f, "p50": %.3f, "p99": %.3f, "errors": %d}',
    summary.requests, total, summary.duration / 1e6, latency:percentile(50) / 1e3, latency:percentile(99) / 1e3, failed
  ), "\nEXAMPLE ", (seen:gsub("%s+", " ")), "\n")
end
