//! Estimates the number of elements from the registers: Otmar Ertl, "New cardinality estimation algorithms for HyperLogLog
//! sketches" (arXiv:1702.01284). The order of operations is Redis's, so that all digits are equal.

use super::REGISTERS;
use super::hash::COUNT_BITS;

/// The number of registers with each value. A string that a client wrote may have values that no hash results in.
pub(super) type RegisterHistogram = [u32; super::dense::HIGHEST as usize + 1];

/// 0.5 / ln 2.
const ALPHA: f64 = 0.721_347_520_444_481_7;

/// The estimated number of elements.
pub(super) fn estimate(histogram: &RegisterHistogram) -> u64 {
    let registers = REGISTERS as f64;
    let highest = COUNT_BITS as usize + 1;
    let mut sum = registers * tau((registers - f64::from(histogram[highest])) / registers);
    for count in histogram[1..highest].iter().rev() {
        sum = (sum + f64::from(*count)) * 0.5;
    }
    sum += registers * sigma(f64::from(histogram[0]) / registers);
    let estimate = (ALPHA * registers * registers / sum).round();
    // Registers that were never set can make it infinite. C's conversion gives this then.
    if estimate < i64::MAX as f64 { estimate as u64 } else { i64::MIN.cast_unsigned() }
}

fn sigma(mut x: f64) -> f64 {
    if x == 1.0 {
        return f64::INFINITY;
    }
    let (mut y, mut z) = (1.0, x);
    loop {
        x *= x;
        let before = z;
        z += x * y;
        y += y;
        if z == before {
            return z;
        }
    }
}

fn tau(mut x: f64) -> f64 {
    if x == 0.0 || x == 1.0 {
        return 0.0;
    }
    let (mut y, mut z) = (1.0, 1.0 - x);
    loop {
        x = x.sqrt();
        let before = z;
        y *= 0.5;
        z -= (1.0 - x) * (1.0 - x) * y;
        if z == before {
            return z / 3.0;
        }
    }
}
