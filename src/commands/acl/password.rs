//! Passwords. Only their SHA-256 is kept, and two are compared in a time that does not depend on where they differ.

use sha2::{Digest, Sha256};
use std::fmt::Write as _;

/// The SHA-256 of a password.
#[derive(Clone, Copy, Debug)]
pub(super) struct PasswordHash([u8; 32]);

impl PasswordHash {
    /// The hash of `password`. O(n).
    pub(super) fn of(password: &[u8]) -> Self {
        Self(Sha256::digest(password).into())
    }

    /// Reads 64 hexadecimal digits, in lower case as in Redis.
    pub(super) fn from_hex(text: &[u8]) -> Option<Self> {
        let digit = |byte: u8| match byte {
            b'0'..=b'9' => Some(byte - b'0'),
            b'a'..=b'f' => Some(byte - b'a' + 10),
            _ => None,
        };
        let digits: Vec<u8> = text.iter().map(|byte| digit(*byte)).collect::<Option<_>>()?;
        let bytes: Vec<u8> = digits.chunks_exact(2).map(|pair| pair[0] << 4 | pair[1]).collect();
        if digits.len() == 64 { bytes.try_into().ok().map(Self) } else { None }
    }

    /// The 64 hexadecimal digits.
    pub(super) fn hex(&self) -> String {
        self.0.iter().fold(String::new(), |mut text, byte| {
            let _ = write!(text, "{byte:02x}");
            text
        })
    }
}

impl PartialEq for PasswordHash {
    /// Looks at all bytes, wherever the two differ.
    fn eq(&self, other: &Self) -> bool {
        self.0.iter().zip(&other.0).fold(0, |differing, (one, other)| differing | (one ^ other)) == 0
    }
}

impl Eq for PasswordHash {}
