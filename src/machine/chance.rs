//! The only source of randomness. Its seeds are logged at the start, so that a run can be repeated; secrets are not logged.

use std::cell::Cell;
use std::hash::{BuildHasher, Hasher, RandomState};
use std::sync::atomic::{AtomicU64, Ordering};

/// The increment of SplitMix64's state: 2^64 divided by the golden ratio.
const STEP: u64 = 0x9E37_79B9_7F4A_7C15;

/// The state of the generator that all threads share.
static SHARED: AtomicU64 = AtomicU64::new(0);

/// A small, fast, seeded generator (SplitMix64: Steele, Lea, Flood, "Fast splittable pseudorandom number
/// generators", OOPSLA 2014). Not for secrets.
#[derive(Clone, Debug)]
pub struct Chance {
    state: u64,
}

impl Chance {
    /// A generator that returns the same numbers for the same seed.
    #[must_use]
    pub fn seeded(seed: u64) -> Self {
        Self { state: seed }
    }

    /// A generator whose seed comes from the operating system's randomness.
    #[must_use]
    pub fn from_system() -> Self {
        // The operating system keys RandomState, so the hash of nothing is random.
        Self::seeded(RandomState::new().build_hasher().finish())
    }

    /// Seeds the generator that all threads share. Without a seed it returns the same numbers in each process.
    pub fn seed_shared(seed: u64) {
        SHARED.store(seed, Ordering::Relaxed);
    }

    /// A generator for one task, with a seed from the generator that all threads share.
    #[must_use]
    pub fn drawn() -> Self {
        Self::seeded(mix(SHARED.fetch_add(STEP, Ordering::Relaxed)))
    }

    /// The next 64 random bits.
    pub fn next_u64(&mut self) -> u64 {
        self.state = self.state.wrapping_add(STEP);
        mix(self.state)
    }

    /// A number below `bound`, evenly enough for anything but cryptography. `bound` must not be zero.
    pub fn below(&mut self, bound: u64) -> u64 {
        ((u128::from(self.next_u64()) * u128::from(bound)) >> 64) as u64
    }
}

thread_local! {
    /// The state of [`once_in`]; 0 before its first call on the thread.
    static STATE: Cell<u64> = const { Cell::new(0) };
}

/// True once in `times` calls on average: for decisions as frequent as look-ups of keys. The sequence is good enough for
/// that and for nothing else (xorshift: Marsaglia, "Xorshift RNGs", 2003).
#[must_use]
#[inline]
pub fn once_in(times: u64) -> bool {
    let mut state = STATE.get();
    if state == 0 {
        state = first_state();
    }
    state ^= state << 13;
    state ^= state >> 7;
    state ^= state << 17;
    STATE.set(state);
    (u128::from(state) * u128::from(times)) >> 64 == 0
}

#[cold]
fn first_state() -> u64 {
    Chance::drawn().next_u64() | 1
}

/// So many random hexadecimal digits from the operating system, for secrets.
///
/// # Errors
/// The operating system has no randomness.
pub fn secret_hex(digits: usize) -> Result<String, getrandom::Error> {
    use std::fmt::Write as _;
    let mut bytes = vec![0; digits.div_ceil(2)];
    getrandom::fill(&mut bytes)?;
    let mut text = String::new();
    for byte in bytes {
        let _ = write!(text, "{byte:02x}");
    }
    text.truncate(digits);
    Ok(text)
}

/// A secret function of this process: the standard library's SipHash with a key from the operating system. Its values
/// reveal nothing about other values, unlike those of [`Chance`] and of the hashes of tables. The key is lost when the
/// process ends.
#[derive(Clone, Debug)]
pub struct Secret(RandomState);

impl Secret {
    /// A function with a new random key.
    #[must_use]
    pub fn from_system() -> Self {
        Self(RandomState::new())
    }

    /// The function's value for `input`.
    #[must_use]
    pub fn of(&self, input: u64) -> u64 {
        self.0.hash_one(input)
    }
}

fn mix(state: u64) -> u64 {
    let z = (state ^ (state >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    let z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    z ^ (z >> 31)
}

#[cfg(test)]
mod tests {
    #[test]
    fn once_in_many_times_is_as_rare_as_that() {
        assert!((0..1000).all(|_| super::once_in(1)));
        for times in [2, 11, 500] {
            let hits = (0..times * 10_000).filter(|_| super::once_in(times)).count();
            assert!((9500..10_500).contains(&hits), "{hits} of 10000, once in {times}");
        }
    }
}
