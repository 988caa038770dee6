//! Numbers as Lua 5.1 prints them: `%.14g`.
//!
//! Luau prints the shortest digits that read back to the same number; Redis's scripts see 14 significant digits, in
//! `tostring`, in `..` and in `table.concat`. Luau has one function for all of them, in an object file of its own. The functions
//! here have the names of those in that file, and the linker takes them instead. `numbers_are_printed_as_in_redis` in
//! tests/scripts shows that it does.
#![expect(unsafe_code, reason = "the interpreter calls these two functions with a buffer of its own")]

use std::io::Write;

/// Most bytes of the text of a number: a sign, 14 digits, a point, four zeros, an exponent.
const TEXT_BYTES: usize = 32;

/// Significant digits.
const DIGITS: usize = 14;

/// The text of a number, and its length.
struct NumberText([u8; TEXT_BYTES], usize);

impl NumberText {
    fn push(&mut self, bytes: &[u8]) {
        self.0[self.1..self.1 + bytes.len()].copy_from_slice(bytes);
        self.1 += bytes.len();
    }

    fn as_bytes(&self) -> &[u8] {
        &self.0[..self.1]
    }

    /// The text of `number`, as `%.14g` prints it.
    fn of(number: f64) -> Self {
        let mut text = Self([0; TEXT_BYTES], 0);
        if number.abs() < 1e14 && number.trunc() == number && (number != 0.0 || number.is_sign_positive()) {
            text.push(itoa::Buffer::new().format(number as i64).as_bytes());
            return text;
        }
        if number.is_sign_negative() {
            text.push(b"-");
        }
        match number {
            _ if number.is_nan() => text.push(b"nan"),
            _ if number.is_infinite() => text.push(b"inf"),
            _ => text.push_finite(number.abs()),
        }
        text
    }

    fn push_finite(&mut self, number: f64) {
        // `d.ddddddddddddde±x`.
        let mut scientific = [0; TEXT_BYTES];
        let mut rest = &mut scientific[..];
        write!(rest, "{number:.*e}", DIGITS - 1).expect("the text of a number is short");
        let used = TEXT_BYTES - rest.len();
        let text = &scientific[..used];
        let end = text.iter().position(|byte| *byte == b'e').unwrap_or(used);
        let exponent = std::str::from_utf8(&text[end + 1..]).ok().and_then(|digits| digits.parse().ok());
        let exponent: i32 = exponent.unwrap_or_default();
        let mut digits = [0; DIGITS];
        text[..end].iter().filter(|byte| **byte != b'.').zip(&mut digits).for_each(|(from, to)| *to = *from);
        let digits = &digits[..digits.iter().rposition(|digit| *digit != b'0').map_or(1, |last| last + 1)];
        match exponent {
            -4..0 => {
                self.push(b"0.");
                self.push(&b"000"[..(-exponent - 1) as usize]);
                self.push(digits);
            }
            0..14 => {
                let whole = exponent as usize + 1;
                self.push(&digits[..digits.len().min(whole)]);
                self.push(&b"00000000000000"[..whole.saturating_sub(digits.len())]);
                if digits.len() > whole {
                    self.push(b".");
                    self.push(&digits[whole..]);
                }
            }
            _ => {
                self.push(&digits[..1]);
                if digits.len() > 1 {
                    self.push(b".");
                    self.push(&digits[1..]);
                }
                self.push(if exponent < 0 { b"e-" } else { b"e+" });
                let exponent = exponent.unsigned_abs();
                if exponent < 10 {
                    self.push(b"0");
                }
                self.push(itoa::Buffer::new().format(exponent).as_bytes());
            }
        }
    }
}

/// Puts `text` where the interpreter wants it, and returns its end.
///
/// # Safety
/// `buffer` has room for [`TEXT_BYTES`] bytes.
unsafe fn put(buffer: *mut u8, text: &[u8]) -> *mut u8 {
    // SAFETY: a text has at most `TEXT_BYTES` bytes.
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
    // SAFETY: the interpreter's buffers are larger than `TEXT_BYTES`.
    unsafe { put(buffer, NumberText::of(number).as_bytes()) }
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

#[cfg(test)]
mod tests {
    use super::NumberText;

    /// The texts are those of Redis 8.2.3.
    #[test]
    fn numbers_have_fourteen_digits() {
        let cases: &[(f64, &str)] = &[
            (0.0, "0"),
            (-0.0, "-0"),
            (3.0, "3"),
            (-17.0, "-17"),
            (0.1, "0.1"),
            (0.1 + 0.2, "0.3"),
            (1.0 / 3.0, "0.33333333333333"),
            (2.0 / 3.0, "0.66666666666667"),
            (100.5, "100.5"),
            (99_999_999_999_999.0, "99999999999999"),
            (99_999_999_999_999.9, "1e+14"),
            (1e14, "1e+14"),
            (1e15, "1e+15"),
            (123_456_789_012_345.0, "1.2345678901234e+14"),
            (9_007_199_254_740_992.0, "9.007199254741e+15"),
            (1e16, "1e+16"),
            (1e100, "1e+100"),
            (1e-4, "0.0001"),
            (1.5e-4, "0.00015"),
            (1e-5, "1e-05"),
            (1.25e-7, "1.25e-07"),
            (5e-324, "4.9406564584125e-324"),
            (f64::MAX, "1.7976931348623e+308"),
            (f64::INFINITY, "inf"),
            (f64::NEG_INFINITY, "-inf"),
            (f64::NAN, "nan"),
            (-f64::NAN, "-nan"),
            (12_345_678.9, "12345678.9"),
        ];
        for (number, text) in cases {
            assert_eq!(NumberText::of(*number).as_bytes(), text.as_bytes(), "{number:e}");
        }
    }
}
