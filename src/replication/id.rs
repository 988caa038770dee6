//! The identifier of a history: which sequence of bytes an offset counts.

use crate::machine::chance::Chance;

/// Digits of an identifier.
const DIGITS: usize = 40;

/// 40 hexadecimal digits. Two servers whose streams have one identifier have sent or applied the same bytes up to the lower of
/// their offsets.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct ReplicationId([u8; DIGITS]);

impl ReplicationId {
    /// What INFO prints where there is no identifier.
    pub const NONE: Self = Self([b'0'; DIGITS]);

    /// A new identifier, which no other server has.
    #[must_use]
    pub fn random(chance: &mut Chance) -> Self {
        let mut digits = [0; DIGITS];
        for chunk in digits.chunks_mut(16) {
            let word = format!("{:016x}", chance.next_u64());
            chunk.copy_from_slice(&word.as_bytes()[..chunk.len()]);
        }
        Self(digits)
    }

    /// Reads an identifier. `None` if `text` is not 40 hexadecimal digits.
    #[must_use]
    pub fn parse(text: &[u8]) -> Option<Self> {
        let mut digits: [u8; DIGITS] = text.try_into().ok()?;
        digits.make_ascii_lowercase();
        digits.iter().all(u8::is_ascii_hexdigit).then_some(Self(digits))
    }

    /// The digits.
    #[must_use]
    pub fn as_str(&self) -> &str {
        std::str::from_utf8(&self.0).expect("hexadecimal digits")
    }
}

impl std::fmt::Display for ReplicationId {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.as_str())
    }
}

impl std::fmt::Debug for ReplicationId {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_identifier_is_read_as_it_is_printed_and_nothing_else_is() {
        let id = ReplicationId::random(&mut Chance::seeded(7));
        assert_eq!(ReplicationId::parse(id.to_string().as_bytes()), Some(id));
        assert_eq!(ReplicationId::parse(id.to_string().to_uppercase().as_bytes()), Some(id));
        for wrong in ["", "?", &"g".repeat(40), &"a".repeat(39), &"a".repeat(41)] {
            assert_eq!(ReplicationId::parse(wrong.as_bytes()), None, "{wrong}");
        }
    }
}
