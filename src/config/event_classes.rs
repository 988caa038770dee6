//! The keyspace events that are published: the letters of `notify-keyspace-events`.

/// A set of event classes, and of the kinds of channels that they are sent to, as in Redis 8.2.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct EventClasses(u32);

/// The letters in the order in which Redis prints them: first those that `A` includes, then those that it does not, then
/// the others.
const LETTERS: &[u8; 16] = b"g$lshzxetdnocKEm";

/// How many letters at the front `A` includes.
const ALL_LEN: usize = 10;

/// The first of the letters that are printed even beside `A`.
const BESIDE_ALL: usize = 13;

impl EventClasses {
    /// Events of keys of any type: `del`, `expire`, `persist`.
    pub const GENERIC: Self = Self::of(b'g');
    /// Events of strings.
    pub const STRING: Self = Self::of(b'$');
    /// Events of lists.
    pub const LIST: Self = Self::of(b'l');
    /// Events of sets.
    pub const SET: Self = Self::of(b's');
    /// Events of sorted sets.
    pub const SORTED_SET: Self = Self::of(b'z');
    /// Of hashes.
    pub const HASH: Self = Self::of(b'h');
    /// A key was removed because memory was short.
    pub const EVICTED: Self = Self::of(b'e');
    /// Of streams.
    pub const STREAM: Self = Self::of(b't');
    /// A key has expired.
    pub const EXPIRED: Self = Self::of(b'x');
    /// A key was created.
    pub const NEW: Self = Self::of(b'n');
    /// A value was replaced as a whole.
    pub const OVERWRITTEN: Self = Self::of(b'o');
    /// A value was replaced by one of another type.
    pub const TYPE_CHANGED: Self = Self::of(b'c');
    /// A key that a command looked up is missing.
    pub const KEY_MISS: Self = Self::of(b'm');
    /// Events go to `__keyspace@<database>__:<key>`.
    pub const TO_KEYSPACE: Self = Self::of(b'K');
    /// Events go to `__keyevent@<database>__:<event>`.
    pub const TO_KEYEVENT: Self = Self::of(b'E');

    /// No class of `notify-keyspace-events`: clients keep copies of values (CLIENT TRACKING), and want to know which keys have
    /// changed.
    pub const CACHED_KEYS: Self = Self(1 << 31);

    const fn of(letter: u8) -> Self {
        let mut index = 0;
        while LETTERS[index] != letter {
            index += 1;
        }
        Self(1 << index)
    }

    const ALL: Self = Self((1 << ALL_LEN) - 1);

    /// Reads letters in any order. `None` if one is unknown.
    #[must_use]
    pub fn parse(letters: &str) -> Option<Self> {
        letters.bytes().try_fold(Self::default(), |classes, letter| {
            let class = match letter {
                b'A' => Self::ALL,
                letter if LETTERS.contains(&letter) => Self::of(letter),
                _ => return None,
            };
            Some(Self(classes.0 | class.0))
        })
    }

    /// Whether all of `classes` are in this set.
    #[must_use]
    pub fn has(self, classes: Self) -> bool {
        self.0 & classes.0 == classes.0
    }

    /// The set with `others`.
    #[must_use]
    pub fn with(self, others: Self) -> Self {
        Self(self.0 | others.0)
    }

    /// Whether nothing is published: there is no class, or no kind of channel.
    #[must_use]
    pub fn is_silent(self) -> bool {
        let channels = Self::TO_KEYSPACE.0 | Self::TO_KEYEVENT.0;
        self.0 & channels == 0 || self.0 & !channels == 0
    }

    /// The set as a number, for an atomic.
    #[must_use]
    pub fn bits(self) -> u32 {
        self.0
    }

    /// The inverse of [`EventClasses::bits`].
    #[must_use]
    pub fn from_bits(bits: u32) -> Self {
        Self(bits)
    }
}

impl std::fmt::Display for EventClasses {
    /// As CONFIG GET prints it.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let is_all = self.has(Self::ALL);
        if is_all {
            f.write_str("A")?;
        }
        // As in Redis: only the last three letters can follow `A`.
        let shown = if is_all { BESIDE_ALL } else { 0 };
        for (index, letter) in LETTERS.iter().enumerate().skip(shown) {
            if self.0 & (1 << index) != 0 {
                write!(f, "{}", char::from(*letter))?;
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::EventClasses;

    /// What Redis 8.2.3 prints after CONFIG SET.
    #[test]
    fn letters_print_as_in_redis() {
        let printed = |letters| EventClasses::parse(letters).map(|classes| classes.to_string());
        let pairs = [("", ""), ("KEA", "AKE"), ("Kno", "noK"), ("KEmoc", "ocKEm"), ("KEAmoc", "AKEm")];
        let more = [("mKz$g", "g$zKm"), ("dteKxgzhsl$n", "AK"), ("g$lshzxetd", "A"), ("dteKx", "xetdK")];
        for (letters, expected) in pairs.into_iter().chain(more) {
            assert_eq!(printed(letters).as_deref(), Some(expected));
        }
        assert_eq!(printed("Kq"), None);
    }

    #[test]
    fn a_class_without_a_channel_is_silent() {
        let is_silent = |letters| EventClasses::parse(letters).unwrap().is_silent();
        assert!(is_silent("") && is_silent("gz") && is_silent("KE"));
        assert!(!is_silent("Kz") && !is_silent("Em"));
    }
}
