//! A short reply put together at the end of the output buffer.

use crate::resp::Protocol;
use crate::resp::double;
use crate::resp::double::DoubleText;
use crate::text::decimal::{EIGHT_DIGITS, eight_digits, without_leading_zeros};
use crate::text::short;

/// Strings up to this long go to the output buffer together with their headers.
pub(super) const SHORT_BYTES: usize = 32;

/// Room for a short bulk string or the longest double, with header and line end, and for surplus bytes that a copy may
/// write beyond the end.
pub(super) const ROOM_BYTES: usize = 64;

/// The end of the output buffer, extended for a short reply. Pieces are copied there in whole words, and each piece
/// overwrites the surplus bytes of the one before. Copies of exact short lengths would be slower.
#[derive(Debug)]
pub(super) struct Room<'a, const BYTES: usize> {
    pub(super) place: &'a mut [u8; BYTES],
    pub(super) len: usize,
}

impl<const BYTES: usize> Room<'_, BYTES> {
    /// Copies all of `bytes`; only the first `len` are part of the reply.
    #[inline]
    pub(super) fn push_word<const N: usize>(&mut self, bytes: [u8; N], len: usize) {
        self.place[self.len..self.len + N].copy_from_slice(&bytes);
        self.len += len;
    }

    #[inline]
    pub(super) fn push<const N: usize>(&mut self, bytes: [u8; N]) {
        self.push_word(bytes, N);
    }

    /// Appends at most [`SHORT_BYTES`] bytes.
    #[inline]
    pub(super) fn push_bytes(&mut self, bytes: &[u8]) {
        short::copy(bytes, &mut self.place[self.len..self.len + bytes.len()]);
        self.len += bytes.len();
    }

    #[inline]
    fn push_decimal(&mut self, value: i64) {
        if value < 0 {
            self.push([b'-']);
        }
        let magnitude = value.unsigned_abs();
        if magnitude < 10 {
            // Most lengths and ranks have one or two digits.
            self.push([b'0' + magnitude as u8]);
        } else if magnitude < u64::from(EIGHT_DIGITS) {
            let (digits, len) = without_leading_zeros(eight_digits(magnitude as u32));
            self.push_word(digits, len);
        } else {
            self.push_bytes(itoa::Buffer::new().format(magnitude).as_bytes());
        }
    }

    #[inline]
    pub(super) fn push_header(&mut self, kind: u8, value: i64) {
        self.push([kind]);
        self.push_decimal(value);
        self.push(*b"\r\n");
    }

    /// The header of a bulk string of at most 99 bytes.
    #[inline]
    pub(super) fn push_length(&mut self, len: usize) {
        let (tens, units) = (b'0' + (len / 10) as u8, b'0' + (len % 10) as u8);
        if len < 10 {
            self.push([b'$', units, b'\r', b'\n']);
        } else {
            self.push_word([b'$', tens, units, b'\r', b'\n', 0, 0, 0], 5);
        }
    }

    /// A bulk string of at most [`SHORT_BYTES`].
    #[inline]
    pub(super) fn push_bulk(&mut self, bytes: &[u8]) {
        self.push_length(bytes.len());
        self.push_bytes(bytes);
        self.push(*b"\r\n");
    }

    #[inline]
    pub(super) fn push_double(&mut self, value: f64, protocol: Protocol) {
        match (double::whole(value), protocol) {
            (Some(whole), Protocol::Resp3) => self.push_header(b',', whole),
            (Some(whole @ 0..FEW_DIGITS), Protocol::Resp2) => {
                let (digits, len) = without_leading_zeros(eight_digits(whole as u32));
                self.push([b'$', b'0' + len as u8, b'\r', b'\n']);
                self.push_word(digits, len);
                self.push(*b"\r\n");
            }
            (_, Protocol::Resp2) => self.push_bulk(DoubleText::of(value).as_bytes()),
            (None, Protocol::Resp3) => {
                self.push([b',']);
                self.push_bytes(DoubleText::of(value).as_bytes());
                self.push(*b"\r\n");
            }
        }
    }
}

/// [`EIGHT_DIGITS`] as a signed number.
const FEW_DIGITS: i64 = EIGHT_DIGITS as i64;
