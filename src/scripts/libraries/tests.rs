//! What hostile scripts get. The ordinary cases are conversations beside Redis (`tests/scripts/lua_libraries.resp`) and a
//! random stream (`tests/lua_libraries.rs`).

use std::cell::Cell;
use std::rc::Rc;

use mlua::{Lua, VmState};

use super::{forget_settings, install};

/// The memory of the interpreter here: that of a script.
const MEMORY_BYTES: usize = crate::limits::SCRIPT_STRING_BYTES;

fn interpreter() -> Lua {
    let lua = Lua::new();
    lua.set_memory_limit(MEMORY_BYTES).expect("Luau has a memory limit");
    install(&lua).expect("room for the libraries");
    lua
}

/// What `pcall` says of `expression`: its value or the error, as text.
fn told(lua: &Lua, expression: &str) -> String {
    let source = format!("local _, told = pcall(function() return {expression} end) return tostring(told)");
    lua.load(source).set_name("=script").eval().expect("a protected call")
}

#[test]
fn what_is_larger_than_memory_is_an_error() {
    let lua = interpreter();
    let shared =
        "(function() local s, t = string.rep('a', 1e6), {} for i = 1, 100 do t[i] = s end return t end)()";
    for expression in [
        format!("#cjson.encode({shared})"),
        format!("#cjson.encode({{a = {shared}, b = {shared}}})"),
        format!("#cmsgpack.pack({shared})"),
        format!("#struct.pack(string.rep('s', 100), unpack({shared}))"),
        "(function() cjson.encode_sparse_array(false, 0) return #cjson.encode({[2^31 - 1] = 1}) end)()"
            .into(),
    ] {
        let told = told(&lua, &expression);
        assert!(told.contains("not enough memory"), "{expression}: {told}");
    }
    assert_eq!(told(&lua, "cjson.encode({1})"), "[1]");
}

#[test]
fn counts_in_the_input_reserve_nothing() {
    let lua = interpreter();
    let before = lua.used_memory();
    for (expression, expected) in [
        (r"cmsgpack.unpack('\221\255\255\255\255\1')", "script:1: Missing bytes in input."),
        (r"cmsgpack.unpack('\223\255\255\255\255\1')", "script:1: Missing bytes in input."),
        (r"cmsgpack.unpack('\219\255\255\255\255a')", "script:1: Missing bytes in input."),
        (
            "struct.unpack('c2147483647', 'abc')",
            "script:1: bad argument #2 to 'unpack' (data string too short)",
        ),
        ("struct.pack('c2147483647', 'abc')", "script:1: bad argument #3 to 'pack' (string too short)"),
        ("struct.size(string.rep('c2147483647', 4))", "8589934588"),
    ] {
        assert_eq!(told(&lua, expression), expected);
    }
    assert!(lua.used_memory() < before + 1024 * 1024);
}

/// Nothing recurses: with the depth that the settings allow, a small stack is enough.
#[test]
fn deep_nesting_takes_no_stack() {
    let run = || {
        let lua = interpreter();
        lua.load("cjson.encode_max_depth(2^31 - 1) cjson.decode_max_depth(2^31 - 1)")
            .exec()
            .expect("settings");
        for (expression, expected) in [
            (
                "cjson.decode(string.rep('[', 1e6))",
                "script:1: Found too many nested data structures (7999) at character 7999",
            ),
            (
                "cjson.decode(string.rep('{\"a\":', 1e6))",
                "script:1: Found too many nested data structures (4000) at character 19996",
            ),
            (
                r"cmsgpack.unpack(string.rep('\145', 1e6))",
                "script:1: stack overflow (in function mp_decode_to_lua_array)",
            ),
            (
                "(function() local t = {} t[1] = t return cjson.encode(t) end)()",
                "script:1: Cannot serialise, excessive nesting (7998)",
            ),
            (
                "(function() local t = {} t.a = t return cjson.encode(t) end)()",
                "script:1: Cannot serialise, excessive nesting (4000)",
            ),
        ] {
            assert_eq!(told(&lua, expression), expected, "{expression}");
        }
        let round = "#cjson.encode(cjson.decode(string.rep('[', 7000) .. string.rep(']', 7000)))";
        assert_eq!(told(&lua, round), "14000");
    };
    let thread = std::thread::Builder::new().stack_size(512 * 1024).spawn(run).expect("a thread");
    thread.join().expect("no overflow of the stack");
}

/// A table that contains another many times is written for as long as it takes; the script can be ended meanwhile.
#[test]
fn long_work_can_be_interrupted() {
    let lua = interpreter();
    let looks = Rc::new(Cell::new(0));
    let counted = Rc::clone(&looks);
    lua.set_interrupt(move |_| {
        counted.set(counted.get() + 1);
        if counted.get() > 50 { Err(mlua::Error::runtime("ended")) } else { Ok(VmState::Continue) }
    });
    for function in ["cjson.encode", "cmsgpack.pack"] {
        looks.set(0);
        let source = format!("local t = {{1}} for i = 1, 14 do t = {{t, t, t, t}} end return {function}(t)");
        let error = lua.load(source).eval::<mlua::Value>().expect_err("it was ended");
        assert!(error.to_string().contains("ended"), "{error}");
    }
}

#[test]
fn a_script_leaves_no_settings_behind() {
    let lua = interpreter();
    lua.load("cjson.encode_max_depth(1) cjson.encode_sparse_array(true) cjson.encode_number_precision(3)")
        .exec()
        .expect("settings");
    assert_eq!(told(&lua, "cjson.encode({[100] = 1/3})"), r#"{"100":0.333}"#);
    forget_settings(&lua);
    assert_eq!(told(&lua, "cjson.encode({{1/3}})"), "[[0.33333333333333]]");
    let sparse = "script:1: Cannot serialise table: excessively sparse array";
    assert_eq!(told(&lua, "cjson.encode({[100] = 1})"), sparse);
}

/// Errors are strings, as scripts that look at them expect. They have a place if a script called the function.
#[test]
fn errors_are_strings() {
    let lua = interpreter();
    let told = |source: &str| lua.load(source).set_name("=script").eval::<String>().expect("text");
    assert_eq!(told("local _, e = pcall(bit.band) return type(e) .. e"), {
        "stringbad argument #1 to '?' (number expected, got no value)"
    });
    assert_eq!(told("local _, e = pcall(function()\n return bit.band() end) return e"), {
        "script:2: bad argument #1 to 'band' (number expected, got no value)"
    });
    assert_eq!(
        told(r"local _, e = pcall(function() return cmsgpack.unpack('\129\192\1') end) return e"),
        "table index is nil"
    );
}
