-- What Luau lacks of Lua 5.1, and what Redis makes different: errors are tables with `err`, protected calls return their text.
local rust = ...
local debug, error, getmetatable, load_text, pcall, rawget, setmetatable, tostring, type, xpcall =
    debug, error, getmetatable, rust.load_text, pcall, rawget, setmetatable, tostring, type, xpcall
local resume, concat, select = coroutine.resume, table.concat, select
local plain = rust.plain

-- Lets a function in Rust raise errors: it returns an error, or nil and its result.
local function finish_call(failure, ...)
    if failure ~= nil then
        error(failure, 0)
    end
    return ...
end

for name, ask in rust.functions do
    redis[name] = function(...)
        return finish_call(ask(...))
    end
end

for name, call in rust.calls do
    redis[name] = call
end

-- The errors of protected calls. An error of a command is its text there, one of a library in Rust a string.
local function finish(ok, ...)
    if ok then
        return ok, ...
    end
    local failure = ...
    local kind = type(failure)
    if kind == "table" then
        local text = rawget(failure, "err")
        if type(text) == "string" then
            return false, text
        end
    elseif kind == "userdata" then
        return false, plain(failure)
    end
    return false, ...
end

function _G.pcall(...)
    return finish(pcall(...))
end

function _G.xpcall(run, handle, ...)
    return xpcall(run, function(failure)
        if type(failure) == "userdata" then
            failure = plain(failure)
        end
        return handle(failure)
    end, ...)
end

function coroutine.resume(...)
    return finish(resume(...))
end

function _G.loadstring(text, name)
    return load_text(text, name)
end

function _G.load(read, name)
    local parts = {}
    while true do
        local part = read()
        if part == nil or part == "" then
            return load_text(concat(parts), name)
        end
        parts[#parts + 1] = part
    end
end

-- A plain search in a long text for a long one takes as long as both lengths, not as their product.
local find, find_plain, max, min = string.find, rust.find_plain, math.max, math.min
local MANY, SPECIAL = 256, "[%^%$%*%+%?%.%(%[%%%-]"
function string.find(...)
    local text, wanted, from, plain = ...
    if type(wanted) == "string" and #wanted > MANY and type(text) == "string" and #text > MANY
        and (plain or find(wanted, SPECIAL) == nil) then
        local start = tonumber(from) or 1
        if start < 0 then
            start += #text + 1
        end
        return find_plain(text, wanted, min(max(start, 1), #text + 2) - 1)
    end
    return find(...)
end

_G._VERSION = "Lua 5.1"
string.gfind = string.gmatch
math.mod = math.fmod

function table.setn()
    error("'setn' is obsolete", 2)
end

function string.dump()
    error("unable to dump given function", 2)
end

setmetatable(_G, {
    __index = function(_, name)
        error("Script attempted to access nonexistent global variable '" .. tostring(name) .. "'", 2)
    end,
})

-- Adds the place of an error: the first function on the stack that is neither in Rust nor here.
local info = debug.info
local function trace(failure)
    local level = 2
    local source, line = info(level, "sl")
    while source == "[C]" or source == "redis" do
        level += 1
        source, line = info(level, "sl")
    end
    local kind = type(failure)
    if kind == "userdata" then
        failure = { err = "ERR " .. plain(failure) }
    elseif kind ~= "table" and kind ~= "string" then
        failure = { err = "ERR " .. tostring(failure) }
    end
    return { failure, source, line }
end

return trace
