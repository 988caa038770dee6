//! Scores as text: what files had before they had doubles, and what packed values have.

use super::error::Error;
use super::source::Source;
use crate::ranking::Score;
use std::io::Read;

/// A score as files had it up to RDB version 7: a length in one byte, of which three stand for what is no number.
pub(super) fn as_text<R: Read>(source: &mut Source<R>) -> Result<f64, Error> {
    Ok(match source.byte()? {
        253 => f64::NAN,
        254 => f64::INFINITY,
        255 => f64::NEG_INFINITY,
        len => {
            let mut text = [0; 252];
            let text = &mut text[..usize::from(len)];
            for place in &mut *text {
                *place = source.byte()?;
            }
            let score = parse(text).map(Score::get);
            return score.map_or_else(|| source.malformed("a score that is no number"), Ok);
        }
    })
}

/// Redis writes scores with `%.17g` or shorter, and `inf`; both come back to the bit.
pub(super) fn parse(text: &[u8]) -> Option<Score> {
    std::str::from_utf8(text).ok()?.parse().ok().and_then(Score::new)
}
