//! Random sort keys of the four kinds: keys that are often equal, and the limits of each kind.

use proptest::prelude::*;
use rankd::ranking::{Score, SortKey, Timed, Whole};

pub(crate) trait TestKey: SortKey {
    /// The key of a small whole score. A kind with moments uses `moment`.
    fn of(score: i64, moment: u64) -> Self;

    /// A key that does not fit into the narrow form of a block of keys from [`Self::of`].
    fn apart(score: i64, moment: u64) -> Self;

    fn increment(score: i64, moment: u64) -> Self::Increment;

    /// Keys that are often equal, and the limits of the kind.
    fn any() -> BoxedStrategy<Self>;

    /// Like [`Self::any`], for increments.
    fn any_increment() -> BoxedStrategy<Self::Increment>;
}

fn doubles() -> BoxedStrategy<f64> {
    prop_oneof![
        6 => (0i32..5).prop_map(f64::from),
        2 => (-300i32..300).prop_map(f64::from),
        2 => any::<i32>().prop_map(f64::from),
        2 => (-50i32..50).prop_map(|n| f64::from(n) / 4.0),
        1 => (-3i32..4).prop_map(|n| 9_007_199_254_740_992.0 + f64::from(n)),
        1 => prop_oneof![
            Just(0.0), Just(-0.0), Just(f64::INFINITY), Just(f64::NEG_INFINITY), Just(f64::MAX), Just(f64::MIN),
            Just(f64::MIN_POSITIVE), Just(-9_007_199_254_740_992.0), Just(-9_007_199_254_740_993.0)
        ],
        1 => any::<f64>().prop_filter("NaN is no score", |v| !v.is_nan()),
    ]
    .boxed()
}

impl TestKey for Score {
    fn of(score: i64, _: u64) -> Self {
        Self::new(score as f64).expect("an integer is a number")
    }

    fn apart(score: i64, _: u64) -> Self {
        Self::new(score as f64 / 4.0).expect("a fraction is a number")
    }

    fn increment(score: i64, _: u64) -> f64 {
        score as f64
    }

    fn any() -> BoxedStrategy<Self> {
        doubles().prop_map(|value| Self::new(value).expect("the strategies draw no NaN")).boxed()
    }

    fn any_increment() -> BoxedStrategy<f64> {
        doubles()
    }
}

impl TestKey for Whole {
    fn of(score: i64, _: u64) -> Self {
        Self(score)
    }

    fn apart(score: i64, _: u64) -> Self {
        Self(score << 40)
    }

    fn increment(score: i64, _: u64) -> i64 {
        score
    }

    fn any() -> BoxedStrategy<Self> {
        Self::any_increment().prop_map(Self).boxed()
    }

    fn any_increment() -> BoxedStrategy<i64> {
        prop_oneof![
            6 => 0i64..5,
            2 => -300i64..300,
            2 => any::<i32>().prop_map(i64::from),
            1 => (0i64..300).prop_map(|n| i64::MAX - n),
            1 => (0i64..300).prop_map(|n| i64::MIN + n),
            // From here on doubles do not represent all integers.
            1 => (-3i64..4).prop_map(|n| (1 << 53) + n),
            1 => any::<i64>(),
        ]
        .boxed()
    }
}

impl<K: TestKey + SortKey<Number = u64>> TestKey for Timed<K> {
    fn of(score: i64, moment: u64) -> Self {
        Self::new(K::of(score, 0), moment)
    }

    fn apart(score: i64, moment: u64) -> Self {
        Self::new(K::apart(score, 0), !moment)
    }

    fn increment(score: i64, moment: u64) -> Self::Increment {
        (K::increment(score, 0), moment)
    }

    fn any() -> BoxedStrategy<Self> {
        (K::any(), moments()).prop_map(|(key, moment)| Self::new(key, moment)).boxed()
    }

    fn any_increment() -> BoxedStrategy<Self::Increment> {
        (K::any_increment(), moments()).boxed()
    }
}

fn moments() -> impl Strategy<Value = u64> {
    prop_oneof![
        4 => 0u64..4,
        // Milliseconds and a sequence number, within a minute or within a day.
        3 => (0u64..60_000, 0u64..3).prop_map(|(ms, n)| (1_700_000_000_000 + ms) << 16 | n),
        2 => (0u64..86_400_000).prop_map(|ms| (1_700_000_000_000 + ms) << 16),
        1 => (0u64..300).prop_map(|n| u64::MAX - n),
        1 => any::<u64>(),
    ]
}
