-- Countersign for HAProxy: the action `lua.countersign` asks about the key in a request.
-- COUNTERSIGN_ADDRESS says where Countersign is, COUNTERSIGN_TOKEN_FILE where the gateway's token
-- is kept, if it needs one: set by `setenv` before `lua-load`, whose own arguments do not get here
-- in every 2.6. It reads txn.countersign_mode and txn.countersign_scopes, and answers a request
-- that is refused. For one that is let through it sets txn.countersign_code to VALID, the rate
-- limit's variables, and the headers that tell the API who asks.
local address = assert(os.getenv("COUNTERSIGN_ADDRESS"), "COUNTERSIGN_ADDRESS is not set")
local token_file = os.getenv("COUNTERSIGN_TOKEN_FILE")
local TIMEOUT_MS = 750 -- of each of the four times that HAProxy tries
local IDENTITY = { "x-credential-id", "x-account-id", "x-client-id", "x-mode", "x-scopes" }
local RATES = { "ratelimit-policy", "ratelimit", "x-ratelimit-limit", "x-ratelimit-remaining",
                "x-ratelimit-reset" }
local TITLES = {
    [401] = "The key is not good",
    [403] = "The key may not do this",
    [429] = "Too many requests",
    [503] = "The key cannot be judged now",
}

local token
if token_file then
    local file = assert(io.open(token_file, "r"))
    token = assert(file:read("l"))
    file:close()
end

-- The first value of a header, by its name in lower case; tables of HAProxy begin at 0.
local function value_of(headers, name)
    local values = headers and headers[name]
    return values and values[0]
end

-- Of the request nothing goes to Countersign but this, so that no header of a client's own making
-- can be taken for the gateway's word.
local function question(txn)
    local given = txn.http:req_get_headers()
    local asked = {
        ["host"] = { "countersign" },
        ["x-countersign-ip"] = { tostring(txn.f:src()) },
        ["x-request-id"] = { txn.f:unique_id() },
    }
    for _, name in ipairs({ "authorization", "x-api-key" }) do
        local values = {}
        for _, value in pairs(given[name] or {}) do
            values[#values + 1] = value
        end
        if #values > 0 then
            asked[name] = values -- all of them: two keys are no key, and Countersign says so
        end
    end
    asked["x-countersign-token"] = token and { token }
    local mode = txn:get_var("txn.countersign_mode")
    asked["x-countersign-mode"] = mode and { mode }
    local scopes = txn:get_var("txn.countersign_scopes")
    asked["x-countersign-scopes"] = scopes and { scopes }
    return asked
end

local function ask(txn)
    local answer = core.httpclient():get({
        url = "http://127.0.0.1/v1/authorize", -- a number, so that no name is looked up
        dst = address,
        headers = question(txn),
        timeout = TIMEOUT_MS,
    })
    local status = answer and answer.status
    local code = answer and value_of(answer.headers, "x-auth-code")
    -- What is no decision about the key is 503, and never 401: the key may be good.
    local decided = code and not code:find("^GATEWAY_") and status ~= 503 and
        (status == 200 or TITLES[status]) and (status == 200) == (code == "VALID")
    if not decided then
        return 503, "UNAVAILABLE", {}
    end
    return status, code, answer.headers
end

local function refuse(txn, status, code, headers)
    local reply = txn:reply({ status = status })
    local function add(name, value)
        if value then
            reply:add_header(name, value)
        end
    end
    add("content-type", "application/problem+json")
    add("x-auth-code", code)
    add("www-authenticate", value_of(headers, "www-authenticate"))
    add("retry-after", status == 503 and "1" or value_of(headers, "retry-after"))
    for _, name in ipairs(RATES) do
        add(name, value_of(headers, name))
    end
    add("x-request-id", txn.f:unique_id())
    add("cache-control", "no-store")
    add("x-content-type-options", "nosniff")
    reply:set_body(string.format('{"title":"%s","status":%d,"code":"%s"}', TITLES[status], status,
                                 code))
    txn:done(reply)
end

core.register_action("countersign", { "http-req" }, function(txn)
    local status, code, headers = ask(txn)
    if status ~= 200 then
        return refuse(txn, status, code, headers)
    end
    for _, name in ipairs(IDENTITY) do
        txn.http:req_set_header(name, value_of(headers, name) or "")
    end
    for _, name in ipairs(RATES) do
        local value = value_of(headers, name)
        if value then
            txn:set_var("txn.countersign_" .. name:gsub("-", "_"), value)
        end
    end
    txn:set_var("txn.countersign_code", code)
end)
