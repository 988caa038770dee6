//! The decimal digits of a double by Grisu2 (Florian Loitsch, "Printing floating-point numbers quickly and accurately with
//! integers", PLDI 2010), which Redis uses for replies since 7.2.
//!
//! The digits always read back to the same double, and in 99.8 % of cases they are the shortest. In the other cases a
//! method that always finds the shortest (Ryu) would give different bytes than Redis. Where the paper leaves a choice (the
//! power of ten that scales a number, the correction of the last digit), this code does what reproduces Redis.

/// Most digits of a result.
pub(super) const MOST_DIGITS: usize = 18;

/// The bit that a normal double's stored significand leaves out.
const HIDDEN_BIT: u64 = 1 << 52;

/// An unsigned number `significand * 2^exponent`.
#[derive(Clone, Copy, Debug)]
struct Scaled {
    significand: u64,
    exponent: i32,
}

impl Scaled {
    /// `value`, which is finite and above zero, exactly.
    fn of(value: f64) -> Self {
        let bits = value.to_bits();
        let fraction = bits & (HIDDEN_BIT - 1);
        match (bits >> 52) as i32 & 0x7ff {
            0 => Self { significand: fraction, exponent: -1074 },
            biased => Self { significand: fraction | HIDDEN_BIT, exponent: biased - 1075 },
        }
    }

    /// The same number with the highest bit of the significand set.
    fn normalized(self) -> Self {
        let shift = self.significand.leading_zeros();
        Self { significand: self.significand << shift, exponent: self.exponent - shift as i32 }
    }

    /// The product's highest 64 bits, rounded.
    fn times(self, other: Self) -> Self {
        let product = u128::from(self.significand) * u128::from(other.significand);
        let significand = ((product + (1 << 63)) >> 64) as u64;
        Self { significand, exponent: self.exponent + other.exponent + 64 }
    }
}

/// Decimal digits (as ASCII) and the power of ten of the last digit.
#[derive(Clone, Copy, Debug)]
pub(super) struct Digits {
    bytes: [u8; MOST_DIGITS],
    len: usize,
    /// The last digit's power of ten.
    pub(super) power: i32,
}

impl Digits {
    /// The digits of `value`, which must be finite and above zero.
    pub(super) fn of(value: f64) -> Self {
        let exact = Scaled::of(value);
        // Halfway to the next higher and the next lower double. The lower one is nearer at a power of two.
        let above =
            Scaled { significand: exact.significand * 2 + 1, exponent: exact.exponent - 1 }.normalized();
        let shift = if exact.significand == HIDDEN_BIT { 2 } else { 1 };
        let below =
            Scaled { significand: (exact.significand << shift) - 1, exponent: exact.exponent - shift };
        let below = below.significand << (below.exponent - above.exponent);
        let below = Scaled { significand: below, exponent: above.exponent };
        let (scale, power) = power_of_ten_for(above.exponent);
        let value = exact.normalized().times(scale);
        // One unit inwards on each side, because the products are rounded.
        let above = above.times(scale);
        let high = above.significand - 1;
        let low = below.times(scale).significand + 1;
        let mut digits = Self { bytes: [0; MOST_DIGITS], len: 0, power: -power };
        digits.generate(value.significand, high, low, -above.exponent);
        digits
    }

    /// The digits, highest first.
    pub(super) fn as_bytes(&self) -> &[u8] {
        &self.bytes[..self.len]
    }

    /// Takes digits off `high` until the rest is within the distance to `low`. All three are fixed-point numbers with
    /// `fraction_bits` binary places.
    fn generate(&mut self, value: u64, high: u64, low: u64, fraction_bits: i32) {
        let mut distance = high - low;
        let mut target = high - value;
        let one = 1u64 << fraction_bits;
        let mut whole = high >> fraction_bits;
        let mut fraction = high & (one - 1);
        let mut divisor = 1_000_000_000u64;
        for power in (0..10).rev() {
            self.push(whole / divisor);
            whole %= divisor;
            let rest = (whole << fraction_bits) + fraction;
            if rest <= distance {
                self.power += power;
                return self.approach(target, distance, rest, divisor << fraction_bits);
            }
            divisor /= 10;
        }
        loop {
            fraction = fraction.wrapping_mul(10);
            distance = distance.wrapping_mul(10);
            target = target.wrapping_mul(10);
            self.power -= 1;
            self.push(fraction >> fraction_bits);
            fraction &= one - 1;
            if fraction < distance {
                return self.approach(target, distance, fraction, one);
            }
        }
    }

    /// Appends a digit, except for leading zeros.
    fn push(&mut self, digit: u64) {
        if digit != 0 || self.len > 0 {
            self.bytes[self.len] = b'0' + digit as u8;
            self.len += 1;
        }
    }

    /// Decrements the last digit while that brings the number nearer to the target and keeps it in range.
    fn approach(&mut self, target: u64, distance: u64, mut rest: u64, unit: u64) {
        while rest < target
            && distance - rest >= unit
            && (rest + unit < target || target - rest > rest + unit - target)
        {
            self.bytes[self.len - 1] -= 1;
            rest += unit;
        }
    }
}

/// A power of ten that scales a number of this binary exponent so that its whole part has at most ten digits; and the
/// exponent of that power.
fn power_of_ten_for(exponent: i32) -> (Scaled, i32) {
    const LOG10_OF_2: f64 = 0.301_029_995_663_981_14;
    let entry =
        |index: usize| Scaled { significand: POWERS_OF_TEN[index].0, exponent: POWERS_OF_TEN[index].1 };
    let guess = (-f64::from(exponent + POWERS_OF_TEN.len() as i32) * LOG10_OF_2) as i32;
    let mut index = ((guess - FIRST_POWER) / POWER_STEP) as usize;
    loop {
        match exponent + entry(index).exponent + 64 {
            ..-60 => index += 1,
            -60..=-32 => return (entry(index), FIRST_POWER + index as i32 * POWER_STEP),
            _ => index -= 1,
        }
    }
}

/// The first power of ten in the table, and the step between entries.
const FIRST_POWER: i32 = -348;
const POWER_STEP: i32 = 8;

/// Significand and binary exponent of the powers of ten, rounded to 64 bits.
const POWERS_OF_TEN: [(u64, i32); 87] = [
    (0xfa8fd5a0081c0288, -1220),
    (0xbaaee17fa23ebf76, -1193),
    (0x8b16fb203055ac76, -1166),
    (0xcf42894a5dce35ea, -1140),
    (0x9a6bb0aa55653b2d, -1113),
    (0xe61acf033d1a45df, -1087),
    (0xab70fe17c79ac6ca, -1060),
    (0xff77b1fcbebcdc4f, -1034),
    (0xbe5691ef416bd60c, -1007),
    (0x8dd01fad907ffc3c, -980),
    (0xd3515c2831559a83, -954),
    (0x9d71ac8fada6c9b5, -927),
    (0xea9c227723ee8bcb, -901),
    (0xaecc49914078536d, -874),
    (0x823c12795db6ce57, -847),
    (0xc21094364dfb5637, -821),
    (0x9096ea6f3848984f, -794),
    (0xd77485cb25823ac7, -768),
    (0xa086cfcd97bf97f4, -741),
    (0xef340a98172aace5, -715),
    (0xb23867fb2a35b28e, -688),
    (0x84c8d4dfd2c63f3b, -661),
    (0xc5dd44271ad3cdba, -635),
    (0x936b9fcebb25c996, -608),
    (0xdbac6c247d62a584, -582),
    (0xa3ab66580d5fdaf6, -555),
    (0xf3e2f893dec3f126, -529),
    (0xb5b5ada8aaff80b8, -502),
    (0x87625f056c7c4a8b, -475),
    (0xc9bcff6034c13053, -449),
    (0x964e858c91ba2655, -422),
    (0xdff9772470297ebd, -396),
    (0xa6dfbd9fb8e5b88f, -369),
    (0xf8a95fcf88747d94, -343),
    (0xb94470938fa89bcf, -316),
    (0x8a08f0f8bf0f156b, -289),
    (0xcdb02555653131b6, -263),
    (0x993fe2c6d07b7fac, -236),
    (0xe45c10c42a2b3b06, -210),
    (0xaa242499697392d3, -183),
    (0xfd87b5f28300ca0e, -157),
    (0xbce5086492111aeb, -130),
    (0x8cbccc096f5088cc, -103),
    (0xd1b71758e219652c, -77),
    (0x9c40000000000000, -50),
    (0xe8d4a51000000000, -24),
    (0xad78ebc5ac620000, 3),
    (0x813f3978f8940984, 30),
    (0xc097ce7bc90715b3, 56),
    (0x8f7e32ce7bea5c70, 83),
    (0xd5d238a4abe98068, 109),
    (0x9f4f2726179a2245, 136),
    (0xed63a231d4c4fb27, 162),
    (0xb0de65388cc8ada8, 189),
    (0x83c7088e1aab65db, 216),
    (0xc45d1df942711d9a, 242),
    (0x924d692ca61be758, 269),
    (0xda01ee641a708dea, 295),
    (0xa26da3999aef774a, 322),
    (0xf209787bb47d6b85, 348),
    (0xb454e4a179dd1877, 375),
    (0x865b86925b9bc5c2, 402),
    (0xc83553c5c8965d3d, 428),
    (0x952ab45cfa97a0b3, 455),
    (0xde469fbd99a05fe3, 481),
    (0xa59bc234db398c25, 508),
    (0xf6c69a72a3989f5c, 534),
    (0xb7dcbf5354e9bece, 561),
    (0x88fcf317f22241e2, 588),
    (0xcc20ce9bd35c78a5, 614),
    (0x98165af37b2153df, 641),
    (0xe2a0b5dc971f303a, 667),
    (0xa8d9d1535ce3b396, 694),
    (0xfb9b7cd9a4a7443c, 720),
    (0xbb764c4ca7a44410, 747),
    (0x8bab8eefb6409c1a, 774),
    (0xd01fef10a657842c, 800),
    (0x9b10a4e5e9913129, 827),
    (0xe7109bfba19c0c9d, 853),
    (0xac2820d9623bf429, 880),
    (0x80444b5e7aa7cf85, 907),
    (0xbf21e44003acdd2d, 933),
    (0x8e679c2f5e44ff8f, 960),
    (0xd433179d9c8cb841, 986),
    (0x9e19db92b4e31ba9, 1013),
    (0xeb96bf6ebadf77d9, 1039),
    (0xaf87023b9bf0ee6b, 1066),
];

#[cfg(test)]
mod tests {
    use super::{FIRST_POWER, POWER_STEP, POWERS_OF_TEN};

    #[test]
    fn the_table_holds_powers_of_ten() {
        for (index, (significand, exponent)) in POWERS_OF_TEN.into_iter().enumerate() {
            let power = FIRST_POWER + index as i32 * POWER_STEP;
            assert!(significand >> 63 == 1);
            let log10 = (significand as f64).log10() + f64::from(exponent) * 2f64.log10();
            assert!((log10 - f64::from(power)).abs() < 1e-12 * f64::from(power.abs().max(1)), "10^{power}");
        }
        // 10^4 and 10^12 fit in 64 bits, so their entries are exact.
        for power in [4u32, 12] {
            let exact = 10u64.pow(power);
            let (significand, exponent) = POWERS_OF_TEN[((power as i32 - FIRST_POWER) / POWER_STEP) as usize];
            assert_eq!(significand, exact << exact.leading_zeros());
            assert_eq!(exponent, -(exact.leading_zeros() as i32));
        }
    }
}
