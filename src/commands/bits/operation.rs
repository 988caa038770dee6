//! BITOP: combines strings bit by bit.

use super::BASE;
use crate::commands::call::Call;
use crate::commands::call::error::{CommandError, Outcome};
use crate::commands::spec::{CommandSpec, Flag, Handler, KeyFlag, Keys};
use crate::resp::reply::Reply;
use crate::store::Writer;

pub(in crate::commands) const COMMANDS: &[CommandSpec] = &[CommandSpec {
    name: "bitop",
    syntax: "<AND | OR | XOR | NOT | DIFF | DIFF1 | ANDOR | ONE> destkey key [key ...]",
    summary: "Combines strings bit by bit and stores the result",
    since: "2.6.0",
    complexity: "O(N) with N bytes in all strings",
    arity: -4,
    flags: &[Flag::Write, Flag::Denyoom],
    keys: Keys::Both(
        &Keys::Range { first: 2, last: 0, access: &[KeyFlag::Ow, KeyFlag::Update] },
        &Keys::Range { first: 3, last: -1, access: &[KeyFlag::Ro, KeyFlag::Access] },
    ),
    run: Handler::Write(bitop),
    ..BASE
}];

/// The number of bytes that take as long as one element of other commands.
const BYTES_PER_ELEMENT: usize = 256;

/// The bytes of each string that are combined in one step, few enough for the first-level cache.
const BLOCK_BYTES: usize = 4096;

/// How strings are combined. A shorter string counts as extended by zeros.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Operation {
    And,
    Or,
    Xor,
    Not,
    /// Bits set in the first string and in no other.
    Difference,
    /// Bits set in any of the others and not in the first.
    OthersAlone,
    /// Bits set in the first and in any of the others.
    AndAnyOther,
    /// Bits set in exactly one string.
    One,
}

const OPERATIONS: [(&str, Operation); 8] = [
    ("AND", Operation::And),
    ("OR", Operation::Or),
    ("XOR", Operation::Xor),
    ("NOT", Operation::Not),
    ("DIFF", Operation::Difference),
    ("DIFF1", Operation::OthersAlone),
    ("ANDOR", Operation::AndAnyOther),
    ("ONE", Operation::One),
];

fn bitop(keys: &mut Writer<'_, '_>, call: &Call<'_>, reply: &mut Reply<'_>) -> Outcome {
    let mut cursor = call.cursor(1);
    let named = OPERATIONS.into_iter().find(|(name, _)| cursor.take_word(name));
    let (name, operation) = named.ok_or(CommandError::SYNTAX)?;
    let destination = call.argument(2);
    let sources = call.arguments.len() - 3;
    match operation {
        Operation::Not if sources > 1 => {
            return Err(CommandError::text("ERR BITOP NOT must be called with a single source key.").into());
        }
        Operation::Difference | Operation::OthersAlone | Operation::AndAnyOther if sources < 2 => {
            let text = format!("ERR BITOP {name} must be called with at least two source keys.");
            return Err(CommandError::new(text).into());
        }
        _ => {}
    }
    let reader = keys.source_reader();
    let strings = call.cursor(3).map(|key| reader.string(key).map(Option::unwrap_or_default));
    let strings: Vec<&[u8]> = strings.collect::<Result<_, _>>()?;
    call.announce(strings.iter().map(|string| string.len()).sum::<usize>() / BYTES_PER_ELEMENT)?;
    let result = operation.combine(&strings);
    if result.is_empty() {
        keys.remove(destination);
    } else {
        keys.set_string(destination, &result, None);
    }
    reply.count(result.len());
    Ok(())
}

impl Operation {
    /// Combines `strings`. The result is as long as the longest of them.
    fn combine(self, strings: &[&[u8]]) -> Vec<u8> {
        let mut result = vec![0; strings.iter().map(|string| string.len()).max().unwrap_or(0)];
        for (index, block) in result.chunks_mut(BLOCK_BYTES).enumerate() {
            let (start, end) = (index * BLOCK_BYTES, index * BLOCK_BYTES + block.len());
            let mut parts =
                strings.iter().map(|string| &string[start.min(string.len())..end.min(string.len())]);
            let first = parts.next().unwrap_or_default();
            self.combine_block(block, first, parts);
        }
        result
    }

    /// Combines `first` and `others` into `block`, which is all zeros. None of them is longer than `block`.
    fn combine_block<'s>(
        self,
        block: &mut [u8],
        first: &'s [u8],
        mut others: impl Iterator<Item = &'s [u8]>,
    ) {
        let mut union = |block: &mut [u8]| {
            others.by_ref().for_each(|other| merge(block, other, |one, other| one | other));
        };
        match self {
            Self::Not => merge(block, first, |_, bits| !bits),
            Self::Or => {
                union(block);
                merge(block, first, |one, other| one | other);
            }
            Self::And => {
                block[..first.len()].copy_from_slice(first);
                for other in others {
                    merge(block, other, |one, other| one & other);
                    block[other.len()..].fill(0);
                }
            }
            Self::Xor => {
                block[..first.len()].copy_from_slice(first);
                others.for_each(|other| merge(block, other, |one, other| one ^ other));
            }
            Self::Difference => {
                block[..first.len()].copy_from_slice(first);
                others.for_each(|other| merge(block, other, |one, other| one & !other));
            }
            Self::OthersAlone => {
                union(block);
                merge(block, first, |others, first| others & !first);
            }
            Self::AndAnyOther => {
                union(block);
                merge(block, first, |others, first| others & first);
                block[first.len()..].fill(0);
            }
            Self::One => {
                let mut repeated = [0; BLOCK_BYTES];
                for string in std::iter::once(first).chain(others) {
                    for ((bits, repeated), other) in block.iter_mut().zip(&mut repeated).zip(string) {
                        *repeated |= *bits & other;
                        *bits |= other;
                    }
                }
                merge(block, &repeated[..block.len()], |bits, repeated| bits & !repeated);
            }
        }
    }
}

/// Combines the bytes of `other` with the first bytes of `block`. The compiler makes vector instructions of this loop.
fn merge(block: &mut [u8], other: &[u8], combine: impl Fn(u8, u8) -> u8) {
    block.iter_mut().zip(other).for_each(|(byte, other)| *byte = combine(*byte, *other));
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::machine::chance::Chance;

    /// The bit of the result, by the bit of the first string and the number of others that have it.
    fn bit(operation: Operation, first: bool, others: usize, sources: usize) -> bool {
        match operation {
            Operation::And => first && others == sources - 1,
            Operation::Or => first || others > 0,
            Operation::Xor => (usize::from(first) + others) % 2 == 1,
            Operation::Not => !first,
            Operation::Difference => first && others == 0,
            Operation::OthersAlone => !first && others > 0,
            Operation::AndAnyOther => first && others > 0,
            Operation::One => usize::from(first) + others == 1,
        }
    }

    #[test]
    fn combining_blocks_agrees_with_combining_bits() {
        let mut chance = Chance::seeded(3);
        for round in 0..200 {
            let sources = 1 + chance.below(4) as usize;
            let most = if round % 10 == 0 { 3 * BLOCK_BYTES as u64 } else { 20 };
            let strings: Vec<Vec<u8>> = (0..sources)
                .map(|_| (0..chance.below(most)).map(|_| chance.below(256) as u8).collect())
                .collect();
            let strings: Vec<&[u8]> = strings.iter().map(Vec::as_slice).collect();
            let is_set = |string: &[u8], place: usize| {
                string.get(place / 8).is_some_and(|byte| byte >> (7 - place % 8) & 1 == 1)
            };
            for (name, operation) in OPERATIONS {
                if operation == Operation::Not && sources > 1 {
                    continue;
                }
                let result = operation.combine(&strings);
                for place in 0..8 * result.len() {
                    let others = strings[1..].iter().filter(|string| is_set(string, place)).count();
                    let expected = bit(operation, is_set(strings[0], place), others, sources);
                    assert_eq!(is_set(&result, place), expected, "{name} at {place} of {strings:?}");
                }
            }
        }
    }
}
