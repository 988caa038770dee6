//! The libraries of scripts on any bytes: an error or a value, which goes through the other direction unchanged.
#![no_main]

use libfuzzer_sys::fuzz_target;
use mlua::{Function, Lua, LuaString};

/// Returns nothing; an error of its own is a bug. A format of `struct` ends at the first newline of the input.
const CHECK: &str = r#"
local function same(left, right, depth)
    -- Deeper tables become nil.
    if depth > 15 then return true end
    if type(left) ~= "table" or type(right) ~= "table" then
        return left == right or left ~= left and right ~= right
    end
    for key, value in pairs(left) do
        -- A table as a key is another one when it comes back.
        if type(key) ~= "table" and not same(value, right[key], depth + 1) then return false end
    end
    return true
end
return function(input)
    cjson.encode_sparse_array(true)
    cjson.encode_invalid_numbers(true)
    local ok, value = pcall(cjson.decode, input)
    if ok then
        local text = cjson.encode(value)
        -- The order of an object's pairs depends on how its table grew.
        assert(#cjson.encode(cjson.decode(text)) == #text, "JSON does not come back")
    end
    local values = table.pack(pcall(cmsgpack.unpack, input))
    if values[1] and values.n > 1 and values.n < 4000 then
        local packed = cmsgpack.pack(unpack(values, 2, values.n))
        local again = table.pack(cmsgpack.unpack(packed))
        assert(again.n == values.n - 1, "values are lost")
        for index = 1, again.n do
            assert(same(values[index + 1], again[index], 0), "a value does not come back")
        end
    end
    local line = string.find(input, "\n", 1, true) or #input
    local format, data = string.sub(input, 1, line - 1), string.sub(input, line + 1)
    values = table.pack(pcall(struct.unpack, format, data))
    if values[1] then
        pcall(struct.pack, format, unpack(values, 2, values.n - 1))
        assert(values[values.n] <= #data + 1, "beyond the data")
    end
    pcall(struct.size, format)
    pcall(struct.unpack, format, data, string.byte(input))
    pcall(bit.tohex, data, #format)
end
"#;

thread_local! {
    static CHECKING: (Lua, Function) = {
        let lua = Lua::new();
        lua.set_memory_limit(64 * 1024 * 1024).expect("a limit");
        rankd::scripts::libraries::install(&lua).expect("the libraries");
        let check = lua.load(CHECK).eval().expect("a function");
        (lua, check)
    };
}

fuzz_target!(|input: &[u8]| {
    CHECKING.with(|(lua, check)| {
        let input: LuaString = lua.create_string(input).expect("memory");
        if let Err(error) = check.call::<()>(input) {
            panic!("{error}");
        }
    });
});
