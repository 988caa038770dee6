//! From registers to the number of elements: Otmar Ertl, "New cardinality estimation algorithms for HyperLogLog sketches"
//! (arXiv:1702.01284), computed in the order in which Redis does, so that no digit differs.

use super::REGISTERS;
use super::hash::COUNT_BITS;

/// How many registers have each value. A string out of a client's hands may have values that no hash gives.
pub(super) type RegisterHistogram = [u32; super::dense::HIGHEST as usize + 1];

/// 0.5 / ln 2.
const ALPHA: f64 = 0.721_347_520_444_481_7;

/// How many elements, about.
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
