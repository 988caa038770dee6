//! Numbers as Lua 5.1 prints them: `%.14g`.
//!
//! Luau prints the shortest digits that read back to the same number; Redis's scripts see 14 significant digits, in
//! `tostring`, in `..` and in `table.concat`. Luau has one function for all of them, in an object file of its own. The functions
//! here have the names of those in that file, and the linker takes them instead. `numbers_are_printed_as_in_redis` in
//! tests/scripts shows that it does.
#![expect(unsafe_code, reason = "the interpreter calls these two functions with a buffer of its own")]

use crate::text::c_number::GeneralText;

/// Significant digits.
const DIGITS: usize = 14;

/// Puts `text` where the interpreter wants it, and returns its end.
///
/// # Safety
/// `buffer` has room for [`GeneralText::BYTES`] bytes.
unsafe fn put(buffer: *mut u8, text: &[u8]) -> *mut u8 {
    // SAFETY: a text has at most `GeneralText::BYTES` bytes.
    unsafe {
        std::ptr::copy_nonoverlapping(text.as_ptr(), buffer, text.len());
        buffer.add(text.len())
    }
}

/// `char* luai_num2str(char* buf, double n)` of the interpreter, whose buffers have 48 bytes (`LUAI_MAXNUM2STR`).
// SAFETY: the name is that of the interpreter's own function, whose signature this one has. It is in no other object that is
// linked: the one that has it has nothing else that is missed.
#[unsafe(export_name = "_Z12luai_num2strPcd")]
unsafe extern "C" fn number_text(buffer: *mut u8, number: f64) -> *mut u8 {
    // SAFETY: the interpreter's buffers are larger than `GeneralText::BYTES`.
    unsafe { put(buffer, GeneralText::of(number, DIGITS).as_bytes()) }
}

/// `char* luai_int2str(char* buf, int64_t l)` of the interpreter, whose buffers have 30 bytes (`LUAI_MAXINT2STR`). The text
/// ends with a zero.
// SAFETY: as above.
#[cfg_attr(target_os = "linux", unsafe(export_name = "_Z12luai_int2strPcl"))]
#[cfg_attr(not(target_os = "linux"), unsafe(export_name = "_Z12luai_int2strPcx"))]
unsafe extern "C" fn integer_text(buffer: *mut u8, integer: i64) -> *mut u8 {
    // SAFETY: 20 bytes and a zero are less than the interpreter's buffers have.
    unsafe {
        let end = put(buffer, itoa::Buffer::new().format(integer).as_bytes());
        end.write(0);
        end
    }
}
