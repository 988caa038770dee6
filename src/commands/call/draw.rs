//! Elements drawn at random: the arguments of ZRANDMEMBER, HRANDFIELD and SRANDMEMBER with a count, and the draws from what
//! is hashed.

use super::error::CommandError;
use super::{Call, parse_integer};
use crate::limits;
use crate::machine::chance::Chance;
use crate::store::Text;
use std::collections::HashSet;

/// How many elements are drawn at random, and how they are returned.
#[derive(Clone, Copy, Debug)]
pub(in crate::commands) struct Draw {
    /// The number of elements.
    pub(in crate::commands) count: usize,
    /// Whether an element may be drawn more than once.
    pub(in crate::commands) with_repeats: bool,
    /// Whether each element is followed by its score or value.
    pub(in crate::commands) with_values: bool,
}

impl Draw {
    /// Parses a request whose argument 2 is the count. `with` is the option for `with_values`, if the command has one;
    /// `elements` names the elements in an error.
    pub(in crate::commands) fn parse(
        call: &Call<'_>,
        with: Option<&str>,
        elements: &str,
    ) -> Result<Self, CommandError> {
        let count = parse_integer(call.argument(2))?;
        if count == i64::MIN {
            return Err(CommandError::text(
                "ERR value is out of range, value must between -9223372036854775807 and 9223372036854775807",
            ));
        }
        let mut options = call.cursor(3);
        let with_values = with.is_some_and(|with| options.take_word(with));
        if options.remaining() > 0 {
            return Err(CommandError::SYNTAX);
        }
        let (with_repeats, count) = (count < 0, count.unsigned_abs());
        if with_values && count > i64::MAX.unsigned_abs() / 2 {
            return Err(CommandError::text("ERR value is out of range"));
        }
        let count = usize::try_from(count).unwrap_or(usize::MAX);
        if with_repeats && count > limits::REPEATED_MEMBERS {
            return Err(CommandError::new(format!(
                "ERR at most {} {elements} are drawn with repeats at a time",
                limits::REPEATED_MEMBERS
            )));
        }
        Ok(Self { count, with_repeats, with_values })
    }
}

/// `count` elements, with repeats; none of nothing. `draw` draws one, or returns `None` if that takes as long as to read
/// them `all`.
pub(in crate::commands) fn with_repeats<T: Copy>(
    count: usize,
    all: impl Iterator<Item = T>,
    mut draw: impl FnMut(&mut Chance) -> Option<T>,
    chance: &mut Chance,
) -> Vec<T> {
    if draw(chance).is_some() {
        return (0..count).map_while(|_| draw(chance)).collect();
    }
    let all: Vec<T> = all.collect();
    let drawn =
        (0..if all.is_empty() { 0 } else { count }).map(|_| all[chance.below(all.len() as u64) as usize]);
    drawn.collect()
}

/// `count` different ones of `len` elements, or all if there are fewer. Every choice has the same probability. `draw` is as
/// in [`with_repeats`]; `name` tells elements apart.
pub(in crate::commands) fn distinct<'e, T: Copy>(
    count: usize,
    len: usize,
    all: impl Iterator<Item = T>,
    mut draw: impl FnMut(&mut Chance) -> Option<T>,
    name: impl Fn(T) -> Text<'e>,
    chance: &mut Chance,
) -> Vec<T> {
    let count = count.min(len);
    if count <= len / 3 && draw(chance).is_some() {
        let (mut seen, mut drawn) = (HashSet::new(), Vec::new());
        while drawn.len() < count {
            let Some(element) = draw(chance) else { break };
            if seen.insert(name(element)) {
                drawn.push(element);
            }
        }
        return drawn;
    }
    // Each element is taken with probability (elements still wanted) / (elements left)
    // (Knuth, The Art of Computer Programming 2, algorithm S).
    let (mut wanted, mut left) = (count as u64, len as u64);
    let taken = all.filter(|_| {
        let is_taken = chance.below(left) < wanted;
        left -= 1;
        wanted -= u64::from(is_taken);
        is_taken
    });
    taken.collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Both ways of drawing, and every number of elements.
    #[test]
    fn every_element_is_drawn_about_as_often_as_any_other() {
        let mut chance = Chance::seeded(7);
        for (is_cheap, count) in [(true, 1), (true, 3), (false, 1), (false, 3), (false, 9), (false, 10)] {
            let mut drawn = [0; 10];
            let draw = |chance: &mut Chance| is_cheap.then(|| chance.below(10) as usize);
            let name = |element: usize| Text::Integer(element as i64);
            for _ in 0..10_000 {
                let elements = distinct(count, 10, 0..10, draw, name, &mut chance);
                assert_eq!(elements.iter().collect::<HashSet<_>>().len(), count);
                elements.iter().for_each(|&element| drawn[element] += 1);
            }
            assert!(drawn.iter().all(|times| (times - 1000 * count as i32).abs() < 250), "{drawn:?}");
            let repeated = with_repeats(10_000, 0..10, draw, &mut chance);
            assert_eq!(repeated.iter().collect::<HashSet<_>>().len(), 10);
        }
        assert!(with_repeats(5, 0..0, |_| None, &mut chance).is_empty());
    }
}
