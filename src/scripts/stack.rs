//! The stack of the interpreter, as its own functions use it: no handles and no conversions between them and the calls of a
//! script. What is done for every call of a script goes this way, everything else through `mlua`.
//!
//! The interpreter raises errors by unwinding, as a panic does: when it has no memory for a value, the functions here do not
//! return, and what their callers own is dropped on the way to the protected call.
#![expect(
    unsafe_code,
    reason = "a call by handles costs three times as many instructions (docs/decisions/0022)"
)]

use mlua::{IntoLua, Lua, ffi};
use std::ffi::{CStr, c_int};
use std::marker::PhantomData;

/// The type of a value, as far as it matters here.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum ValueType {
    Nil,
    Boolean,
    Number,
    String,
    Table,
    Other,
}

/// The values of one call of a function, from 1 on. Negative positions count from the end: -1 is the last value.
///
/// Each position that is asked for must be there: callers know how many values they have pushed.
pub(super) struct Stack<'l> {
    state: *mut ffi::lua_State,
    interpreter: PhantomData<&'l Lua>,
}

/// A value that the interpreter keeps until it is released.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Kept(c_int);

impl Kept {
    /// Keeps `value`.
    ///
    /// # Errors
    /// The interpreter has no memory.
    pub(super) fn new(lua: &Lua, value: impl IntoLua) -> mlua::Result<Self> {
        let mut kept = None;
        // SAFETY: the state is the interpreter's, and what is called with it is protected.
        let keep = |state| kept = Some(unsafe { Stack::of(state) }.keep());
        // SAFETY: the closure leaves no value behind.
        unsafe { lua.exec_raw::<()>(value, keep)? };
        kept.ok_or(mlua::Error::StackError)
    }
}

/// The way into an interpreter from outside.
#[derive(Debug)]
pub(super) struct Entrance {
    state: *mut ffi::lua_State,
    /// [`enter`] as a value of the interpreter.
    enter: Kept,
}

/// What is done inside.
type Inside<'i> = &'i mut dyn FnMut(&mut Stack<'_>);

impl Entrance {
    /// The way into `lua`.
    ///
    /// # Errors
    /// The interpreter has no memory.
    pub(super) fn new(lua: &Lua) -> mlua::Result<Self> {
        // SAFETY: the function takes its arguments from the stack and returns how many results are on it.
        let enter = Kept::new(lua, unsafe { lua.create_c_function(enter)? })?;
        let mut main = std::ptr::null_mut();
        // SAFETY: nothing is pushed.
        unsafe { lua.exec_raw::<()>((), |state| main = ffi::lua_mainthread(state))? };
        Ok(Self { state: main, enter })
    }

    /// Calls `inside` where errors may be raised. `lua` is the interpreter of this entrance, and runs nothing.
    ///
    /// # Errors
    /// The text of an error that was raised.
    pub(super) fn enter(&self, _lua: &Lua, mut inside: Inside<'_>) -> Result<(), String> {
        // SAFETY: the interpreter is alive, because it is borrowed. Its stack has room for some values where it runs nothing, and none
        // of the calls before the protected one allocates. `inside` lives until that returns, and has the type that `enter` expects.
        let stack = &mut unsafe { Stack::of(self.state) };
        let before = stack.len();
        stack.push_kept(&self.enter);
        // SAFETY: see above.
        unsafe { ffi::lua_pushlightuserdata(self.state, (&raw mut inside).cast()) };
        let outcome = if stack.call(1, 0, 0) {
            Ok(())
        } else {
            Err(stack.bytes_at(-1).map_or("the interpreter has failed".into(), |text| {
                String::from_utf8_lossy(text).into_owned()
            }))
        };
        stack.truncate(before);
        outcome
    }
}

/// Calls what its argument points at.
unsafe extern "C-unwind" fn enter(state: *mut ffi::lua_State) -> c_int {
    // SAFETY: only `Entrance::enter` calls it, in a protected call, with a pointer to an `Inside` that outlives the call.
    unsafe {
        let inside = ffi::lua_tolightuserdata(state, 1).cast::<Inside<'_>>();
        ffi::lua_settop(state, 0);
        (*inside)(&mut Stack::of(state));
    }
    0
}

// All functions below call one of the interpreter's, which are sound for a state that is alive and positions that are there.
// The first is the promise of whoever calls `Stack::of`, the second that of the callers.
impl Stack<'_> {
    /// The stack of `state`.
    ///
    /// # Safety
    /// The interpreter of `state` is alive while the stack is used, and there is a protected call further up.
    pub(super) unsafe fn of(state: *mut ffi::lua_State) -> Self {
        Self { state, interpreter: PhantomData }
    }

    /// How many values there are.
    pub(super) fn len(&self) -> c_int {
        // SAFETY: see above.
        unsafe { ffi::lua_gettop(self.state) }
    }

    /// Removes all values above the first `len`.
    pub(super) fn truncate(&mut self, len: c_int) {
        // SAFETY: see above.
        unsafe { ffi::lua_settop(self.state, len) }
    }

    /// Removes the last `count` values.
    pub(super) fn pop(&mut self, count: c_int) {
        // SAFETY: see above.
        unsafe { ffi::lua_pop(self.state, count) }
    }

    /// Makes room for `count` more values, or raises an error.
    pub(super) fn reserve(&mut self, count: c_int) {
        // SAFETY: see above; the message ends with a zero.
        unsafe { ffi::luaL_checkstack(self.state, count, c"too many values".as_ptr()) }
    }

    pub(super) fn type_at(&self, at: c_int) -> ValueType {
        // SAFETY: see above.
        match unsafe { ffi::lua_type(self.state, at) } {
            ffi::LUA_TNIL => ValueType::Nil,
            ffi::LUA_TBOOLEAN => ValueType::Boolean,
            ffi::LUA_TNUMBER => ValueType::Number,
            ffi::LUA_TSTRING => ValueType::String,
            ffi::LUA_TTABLE => ValueType::Table,
            _ => ValueType::Other,
        }
    }

    /// The bytes of a string. `None` for everything else.
    pub(super) fn bytes_at(&self, at: c_int) -> Option<&[u8]> {
        if self.type_at(at) != ValueType::String {
            return None;
        }
        let mut len = 0;
        // SAFETY: see above. The string stays where it is while it is on the stack, and the stack is not changed while the result
        // is borrowed.
        unsafe {
            let start = ffi::lua_tolstring(self.state, at, &raw mut len);
            Some(std::slice::from_raw_parts(start.cast(), len))
        }
    }

    /// A number. `None` for everything else.
    pub(super) fn number_at(&self, at: c_int) -> Option<f64> {
        // SAFETY: see above.
        (self.type_at(at) == ValueType::Number).then(|| unsafe { ffi::lua_tonumber(self.state, at) })
    }

    /// Whether a value is neither nil nor false.
    pub(super) fn is_true_at(&self, at: c_int) -> bool {
        // SAFETY: see above.
        unsafe { ffi::lua_toboolean(self.state, at) != 0 }
    }

    pub(super) fn push_nil(&mut self) {
        // SAFETY: see above.
        unsafe { ffi::lua_pushnil(self.state) }
    }

    pub(super) fn push_boolean(&mut self, flag: bool) {
        // SAFETY: see above.
        unsafe { ffi::lua_pushboolean(self.state, c_int::from(flag)) }
    }

    pub(super) fn push_number(&mut self, number: f64) {
        // SAFETY: see above.
        unsafe { ffi::lua_pushnumber(self.state, number) }
    }

    pub(super) fn push_bytes(&mut self, bytes: &[u8]) {
        // SAFETY: see above; the bytes are copied.
        unsafe { ffi::lua_pushlstring_(self.state, bytes.as_ptr().cast(), bytes.len()) }
    }

    /// Pushes a new table with room for `elements` and `fields`.
    pub(super) fn push_table(&mut self, elements: usize, fields: usize) {
        let bounded = |count: usize| c_int::try_from(count).unwrap_or(c_int::MAX);
        // SAFETY: see above.
        unsafe { ffi::lua_createtable(self.state, bounded(elements), bounded(fields)) }
    }

    /// Pushes a copy of a value.
    pub(super) fn push_copy(&mut self, at: c_int) {
        // SAFETY: see above.
        unsafe { ffi::lua_pushvalue(self.state, at) }
    }

    /// Takes the last value and puts it into the table in front of it, as element `index`.
    pub(super) fn set_element(&mut self, index: usize) {
        // SAFETY: see above; the second last value is a table.
        unsafe { ffi::lua_rawseti_(self.state, -2, index as c_int) }
    }

    /// Takes the last value and puts it into the table in front of it, as field `name`.
    pub(super) fn set_field(&mut self, name: &CStr) {
        // SAFETY: see above; the second last value is a table.
        unsafe { ffi::lua_rawsetfield(self.state, -2, name.as_ptr()) }
    }

    /// Takes the last two values, a key and a value, and puts them into the table in front of them. The key must not be nil.
    pub(super) fn set_pair(&mut self) {
        // SAFETY: see above; the third last value is a table.
        unsafe { ffi::lua_rawset(self.state, -3) }
    }

    /// Pushes element `index` of the table at `table`, and returns its type.
    pub(super) fn push_element(&mut self, table: c_int, index: usize) -> ValueType {
        // SAFETY: see above; there is a table.
        unsafe { ffi::lua_rawgeti_(self.state, table, index as c_int) };
        self.type_at(-1)
    }

    /// Pushes the field `name` of the table at `table`, and returns its type.
    pub(super) fn push_field(&mut self, table: c_int, name: &CStr) -> ValueType {
        // SAFETY: see above; there is a table.
        unsafe { ffi::lua_rawgetfield(self.state, table, name.as_ptr()) };
        self.type_at(-1)
    }

    /// Takes the last value, a key of the table at `table` or nil, and pushes the next key and its value. Returns false, and
    /// pushes nothing, if there is none.
    pub(super) fn push_next(&mut self, table: c_int) -> bool {
        // SAFETY: see above; there is a table, which is not changed between two calls.
        unsafe { ffi::lua_next(self.state, table) != 0 }
    }

    /// Empties the table at `at`, which was read-only and can be changed from now on.
    pub(super) fn reopen_table(&mut self, at: c_int) {
        // SAFETY: see above; there is a table, and nil to become its metatable.
        unsafe {
            ffi::lua_setreadonly(self.state, at, 0);
            ffi::lua_cleartable(self.state, at);
            ffi::lua_pushnil(self.state);
            ffi::lua_setmetatable(self.state, if at < 0 { at - 1 } else { at });
        }
    }

    /// Keeps the last value, and removes it from the stack.
    pub(super) fn keep(&mut self) -> Kept {
        // SAFETY: see above.
        unsafe {
            let kept = ffi::lua_ref(self.state, -1);
            ffi::lua_pop(self.state, 1);
            Kept(kept)
        }
    }

    pub(super) fn push_kept(&mut self, kept: &Kept) {
        // SAFETY: see above; what is kept is an element of the registry.
        unsafe { ffi::lua_rawgeti_(self.state, ffi::LUA_REGISTRYINDEX, kept.0) };
    }

    /// Keeps a value no longer.
    pub(super) fn release(&mut self, Kept(kept): Kept) {
        // SAFETY: see above.
        unsafe { ffi::lua_unref(self.state, kept) };
    }

    /// Calls the function below the last `arguments` values with them, which become `results` values. If an error is raised, the
    /// function at `handler` makes one value of it, and the answer is false.
    pub(super) fn call(&mut self, arguments: c_int, results: c_int, handler: c_int) -> bool {
        // SAFETY: see above.
        unsafe { ffi::lua_pcall(self.state, arguments, results, handler) == ffi::LUA_OK }
    }

    /// Raises the last value as an error.
    pub(super) fn raise(&mut self) -> ! {
        // SAFETY: see above.
        unsafe { ffi::lua_error(self.state) }
    }

    /// The source and the line of the function `level` calls up, if it has them.
    pub(super) fn place(&self, level: c_int) -> Option<(String, usize)> {
        // SAFETY: zeros are a value of all fields; see above. The interpreter sets the fields that it is asked for, to texts that
        // end with a zero.
        unsafe {
            let mut info: ffi::lua_Debug = std::mem::zeroed();
            if ffi::lua_getinfo(self.state, level, c"sl".as_ptr(), &raw mut info) == 0 {
                return None;
            }
            let source = CStr::from_ptr(info.short_src).to_string_lossy().into_owned();
            Some((source, usize::try_from(info.currentline).ok()?))
        }
    }
}
