//! The format string of `struct`: its options one after the other, with the byte order and the alignment so far.
//!
//! No count of a format reserves memory; sums of sizes are checked.

use crate::limits;
use crate::scripts::libraries::problem::LuaProblem;

/// What one option says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum StructItem {
    Integer {
        signed: bool,
    },
    Float,
    Double,
    /// A byte without meaning.
    Padding,
    /// `c`: a string of so many bytes; of size 0, all of it.
    Chars,
    /// `s`: a string that ends with a zero byte.
    Terminated,
    /// It only changes the byte order or the alignment, or is a blank.
    Control,
    /// An alignment that is none.
    Misaligned(usize),
    /// A letter that `struct.size` passes over and the other functions refuse.
    Unknown(u8),
}

/// One option, its size in bytes, and how many bytes stand before it so that it is aligned.
#[derive(Clone, Copy, Debug)]
pub(super) struct StructOption {
    pub(super) item: StructItem,
    pub(super) size: usize,
    pub(super) alignment: usize,
    pub(super) big_endian: bool,
}

impl StructOption {
    /// How many bytes of padding stand before this option at `offset`.
    pub(super) fn padding(&self, offset: usize) -> usize {
        if self.size == 0 || self.item == StructItem::Chars {
            return 0;
        }
        let size = self.size.min(self.alignment);
        size.wrapping_sub(offset & (size - 1)) & (size - 1)
    }
}

/// Reads a format. The format ends at its end or at a zero byte.
pub(super) struct StructFormat<'a> {
    rest: &'a [u8],
    big_endian: bool,
    alignment: usize,
}

/// The alignment of a `!` without a number: that of a double.
const MACHINE_ALIGNMENT: usize = 8;

impl<'a> StructFormat<'a> {
    pub(super) fn new(format: &'a [u8]) -> Self {
        let end = memchr::memchr(0, format).unwrap_or(format.len());
        Self { rest: &format[..end], big_endian: cfg!(target_endian = "big"), alignment: 1 }
    }

    /// The next option.
    pub(super) fn next(&mut self) -> Result<Option<StructOption>, LuaProblem> {
        let Some((&letter, rest)) = self.rest.split_first() else { return Ok(None) };
        self.rest = rest;
        let (item, size) = match letter {
            b' ' | b'>' | b'<' => (StructItem::Control, 0),
            b'!' => (self.alignment_option()?, 0),
            b'b' | b'B' => (StructItem::Integer { signed: letter == b'b' }, 1),
            b'h' | b'H' => (StructItem::Integer { signed: letter == b'h' }, 2),
            b'l' | b'L' => (StructItem::Integer { signed: letter == b'l' }, 8),
            b'T' => (StructItem::Integer { signed: false }, 8),
            b'i' | b'I' => (StructItem::Integer { signed: letter == b'i' }, self.integer_size()?),
            b'f' => (StructItem::Float, 4),
            b'd' => (StructItem::Double, 8),
            b'x' => (StructItem::Padding, 1),
            b'c' => (StructItem::Chars, self.count(1)?),
            b's' => (StructItem::Terminated, 0),
            other => (StructItem::Unknown(other), 0),
        };
        match letter {
            b'>' => self.big_endian = true,
            b'<' => self.big_endian = false,
            _ => {}
        }
        let (big_endian, alignment) = (self.big_endian, self.alignment);
        Ok(Some(StructOption { item, size, alignment, big_endian }))
    }

    /// The number that stands here, or `absent`.
    fn count(&mut self, absent: usize) -> Result<usize, LuaProblem> {
        let digits = self.rest.iter().take_while(|byte| byte.is_ascii_digit()).count();
        if digits == 0 {
            return Ok(absent);
        }
        let (number, rest) = self.rest.split_at(digits);
        self.rest = rest;
        let number = str::from_utf8(number).ok().and_then(|number| number.parse::<i32>().ok());
        number
            .and_then(|number| usize::try_from(number).ok())
            .ok_or_else(|| LuaProblem::Placed(b"integral size overflow".to_vec()))
    }

    fn integer_size(&mut self) -> Result<usize, LuaProblem> {
        let size = self.count(4)?;
        let most = limits::STRUCT_INTEGER_BYTES;
        if size > most {
            let text = format!("integral size {size} is larger than limit of {most}");
            return Err(LuaProblem::Placed(text.into_bytes()));
        }
        Ok(size)
    }

    fn alignment_option(&mut self) -> Result<StructItem, LuaProblem> {
        let alignment = self.count(MACHINE_ALIGNMENT)?;
        if !alignment.is_power_of_two() {
            return Ok(StructItem::Misaligned(alignment));
        }
        self.alignment = alignment;
        Ok(StructItem::Control)
    }
}

/// The error for an alignment that is none.
pub(super) fn misaligned(alignment: usize) -> LuaProblem {
    LuaProblem::Placed(format!("alignment {alignment} is not a power of 2").into_bytes())
}

/// The error for a letter that means nothing.
pub(super) fn unknown_option(letter: u8) -> LuaProblem {
    let mut text = b"invalid format option '".to_vec();
    text.push(letter);
    text.push(b'\'');
    LuaProblem::Argument(1, text)
}
