//! Commands that combine several sets: SINTER, SUNION, SDIFF, their STORE forms, and SINTERCARD.
//!
//! An intersection looks the members of the smallest set up in the others. A difference does that with the members of the
//! first set, or gathers the members of the others first, whichever takes fewer look-ups. As in Redis, which decides in the
//! same way. A union that is sent looks each member up in the sets before its own. The inputs are never copied.

use super::BASE;
use crate::commands::call::error::{CommandError, Outcome, Stop};
use crate::commands::call::name_list::NameList;
use crate::commands::call::{Call, Cursor};
use crate::commands::spec::{CommandSpec, Flag, Handler, KeyFlag, Keys};
use crate::config::SetBounds;
use crate::resp::reply::Reply;
use crate::store::{Members, Reader, SetForm, Text, Writer};

const READ: CommandSpec = CommandSpec {
    syntax: "key [key ...]",
    flags: &[Flag::Readonly],
    tips: &["nondeterministic_output_order"],
    keys: Keys::Range { first: 1, last: -1, access: &[KeyFlag::Ro, KeyFlag::Access] },
    arity: -2,
    ..BASE
};

const STORE: CommandSpec = CommandSpec {
    syntax: "destination key [key ...]",
    flags: &[Flag::Write, Flag::Denyoom],
    keys: Keys::Store {
        sources: &Keys::Range { first: 2, last: -1, access: &[KeyFlag::Ro, KeyFlag::Access] },
    },
    arity: -3,
    ..BASE
};

const INTERSECTION_COST: &str = "O(N * K) with N members in the smallest of K sets";
const ALL_COST: &str = "O(N) with N members in all sets";

pub(in crate::commands) const COMMANDS: &[CommandSpec] = &[
    CommandSpec {
        name: "sinter",
        summary: "Returns the members of all of several sets",
        complexity: INTERSECTION_COST,
        run: Handler::Read(|keys, call, reply| send(call, reply, &intersection(keys, call.cursor(1))?)),
        ..READ
    },
    CommandSpec {
        name: "sintercard",
        syntax: "numkeys key [key ...] [LIMIT limit]",
        summary: "Counts the members of all of several sets",
        since: "7.0.0",
        complexity: INTERSECTION_COST,
        tips: &[],
        keys: Keys::Counted { count: 1, access: &[KeyFlag::Ro, KeyFlag::Access] },
        arity: -3,
        run: Handler::Read(sintercard),
        ..READ
    },
    CommandSpec {
        name: "sinterstore",
        summary: "Stores the members of all of several sets",
        complexity: INTERSECTION_COST,
        run: Handler::Write(|keys, call, reply| {
            let result = intersection(keys.source_reader(), call.cursor(2))?.stored(call)?;
            store(keys, call, reply, "sinterstore", result)
        }),
        ..STORE
    },
    CommandSpec {
        name: "sunion",
        summary: "Returns the members of any of several sets",
        complexity: ALL_COST,
        run: Handler::Read(|keys, call, reply| send(call, reply, &union(keys, call.cursor(1))?)),
        ..READ
    },
    CommandSpec {
        name: "sunionstore",
        summary: "Stores the members of any of several sets",
        complexity: ALL_COST,
        run: Handler::Write(|keys, call, reply| {
            let result = union(keys.source_reader(), call.cursor(2))?.stored(call)?;
            store(keys, call, reply, "sunionstore", result)
        }),
        ..STORE
    },
    CommandSpec {
        name: "sdiff",
        summary: "Returns the members of the first set that are in no other",
        complexity: ALL_COST,
        run: Handler::Read(|keys, call, reply| send(call, reply, &difference(keys, call.cursor(1))?)),
        ..READ
    },
    CommandSpec {
        name: "sdiffstore",
        summary: "Stores the members of the first set that are in no other",
        complexity: ALL_COST,
        run: Handler::Write(|keys, call, reply| {
            let result = difference(keys.source_reader(), call.cursor(2))?.stored(call)?;
            store(keys, call, reply, "sdiffstore", result)
        }),
        ..STORE
    },
];

/// Sets, and how their members are found that are in the result.
enum Combination<'h> {
    /// The members of all sets. The smallest comes first.
    Common(Vec<&'h Members>),
    /// The members of any set.
    Any(Vec<&'h Members>),
    /// The members of the first set that are in no other: they are looked up. The largest of the others come first.
    Looked(Vec<&'h Members>),
    /// The same, where those of the others are gathered, or removed from what is stored.
    Removed(Vec<&'h Members>),
}

/// The sets at `names`, `None` for each that is missing.
fn sets<'h, 'c>(
    keys: Reader<'h>,
    names: impl Iterator<Item = &'c [u8]>,
) -> Result<Vec<Option<&'h Members>>, CommandError> {
    Ok(names.map(|key| keys.get::<Members>(key)).collect::<Result<_, _>>()?)
}

fn intersection<'h>(keys: Reader<'h>, names: Cursor<'_>) -> Result<Combination<'h>, CommandError> {
    Ok(common(sets(keys, names)?))
}

fn common(sets: Vec<Option<&Members>>) -> Combination<'_> {
    let mut sets: Vec<_> = sets.into_iter().collect::<Option<_>>().unwrap_or_default();
    sets.sort_by_key(|set| set.len());
    Combination::Common(sets)
}

fn union<'h>(keys: Reader<'h>, names: Cursor<'_>) -> Result<Combination<'h>, CommandError> {
    Ok(Combination::Any(sets(keys, names)?.into_iter().flatten().collect()))
}

fn difference<'h>(keys: Reader<'h>, names: Cursor<'_>) -> Result<Combination<'h>, CommandError> {
    let sets = sets(keys, names)?;
    let Some(first) = sets.first().copied().flatten() else { return Ok(Combination::Looked(Vec::new())) };
    let mut sets: Vec<_> = sets.into_iter().flatten().collect();
    let all = sets.iter().map(|set| set.len()).sum();
    // A look-up mostly ends at the first set that has the member.
    if first.len().saturating_mul(sets.len()) / 2 <= all {
        sets[1..].sort_by_key(|set| std::cmp::Reverse(set.len()));
        Ok(Combination::Looked(sets))
    } else {
        Ok(Combination::Removed(sets))
    }
}

/// Members that are looked up at a time: about as many as a processor can have loads outstanding.
const WINDOW: usize = 32;

/// Of so many sets at most, a union looks each member up in those before its own. Of more it gathers the members.
const LOOKED_UP: usize = 4;

impl<'h> Combination<'h> {
    /// About how many members are looked at.
    fn cost(&self) -> usize {
        match self {
            Self::Common(sets) | Self::Looked(sets) => {
                sets.first().map_or(0, |set| set.len().saturating_mul(sets.len()))
            }
            Self::Any(sets) | Self::Removed(sets) => sets.iter().map(|set| set.len()).sum(),
        }
    }

    /// The members of the result, where each is found without the others.
    fn found(&self) -> Option<impl Iterator<Item = Text<'h>>> {
        let (sets, are_wanted) = match self {
            Self::Common(sets) => (sets, true),
            Self::Looked(sets) => (sets, false),
            Self::Any(_) | Self::Removed(_) => return None,
        };
        let others: Vec<_> = sets.iter().skip(1).copied().collect();
        let mut members = sets.iter().take(1).copied().flat_map(Members::iter);
        let (mut window, mut next) = (Vec::with_capacity(WINDOW), 0);
        Some(std::iter::from_fn(move || {
            loop {
                if next == window.len() {
                    next = 0;
                    window.clear();
                    window.extend(members.by_ref().take(WINDOW));
                    others.iter().for_each(|set| set.prefetch_members(&window));
                }
                let member = *window.get(next)?;
                next += 1;
                let is_found = match are_wanted {
                    true => others.iter().all(|set| set.has(member)),
                    false => !others.iter().any(|set| set.has(member)),
                };
                if is_found {
                    return Some(member);
                }
            }
        }))
    }

    /// Calls `see` with the members of the result, in the order in which the sets have them.
    fn visit(&self, mut see: impl FnMut(Text<'h>)) {
        match self {
            Self::Common(_) | Self::Looked(_) => self.found().into_iter().flatten().for_each(see),
            Self::Removed(sets) => {
                let others = sets.iter().skip(1).flat_map(|set| set.iter());
                let others = Members::of_members(others, SetBounds::DEFAULT);
                let first = sets.iter().take(1).flat_map(|set| set.iter());
                first.filter(|member| !others.has(*member)).for_each(see);
            }
            Self::Any(sets) if sets.len() <= LOOKED_UP => {
                for (index, set) in sets.iter().enumerate() {
                    let is_new = |member: &Text<'h>| !sets[..index].iter().any(|set| set.has(*member));
                    set.iter().filter(is_new).for_each(&mut see);
                }
            }
            Self::Any(sets) => {
                let mut seen = Members::default();
                let members = sets.iter().flat_map(|set| set.iter());
                members.filter(|member| seen.insert(*member, SetBounds::DEFAULT)).for_each(see);
            }
        }
    }

    /// The result as a set, in the form that Redis would give it.
    fn set(&self, bounds: SetBounds) -> Members {
        match self {
            Self::Any(sets) => Members::of_members(sets.iter().flat_map(|set| set.iter()), bounds),
            Self::Removed(sets) => {
                let mut left = Members::of_members(sets.iter().take(1).flat_map(|set| set.iter()), bounds);
                for member in sets.iter().skip(1).flat_map(|set| set.iter()) {
                    left.remove(member);
                }
                left
            }
            Self::Common(sets) | Self::Looked(sets) => {
                // Their number is known before the set is made, which has its size from the beginning then.
                let found: Vec<_> = self.found().into_iter().flatten().collect();
                let is_of_integers = sets.first().is_none_or(|set| set.form() == SetForm::Integers);
                match self {
                    Self::Common(_) if !is_of_integers => Members::of_words(found.into_iter(), bounds),
                    _ => Members::of_members(found.into_iter(), bounds),
                }
            }
        }
    }

    /// The result of a command that stores it.
    fn stored(&self, call: &Call<'_>) -> Result<Members, Stop> {
        call.announce(self.cost())?;
        Ok(self.set(call.config.set_bounds))
    }
}

fn send(call: &Call<'_>, reply: &mut Reply<'_>, combination: &Combination<'_>) -> Outcome {
    call.announce(combination.cost())?;
    let (mut names, mut digits) = (NameList::default(), itoa::Buffer::new());
    combination.visit(|member| names.push(member.bytes(&mut digits)));
    reply.set(names.len());
    reply.stream(names.len(), names);
    Ok(())
}

fn store(
    keys: &mut Writer<'_, '_>,
    call: &Call<'_>,
    reply: &mut Reply<'_>,
    event: &'static str,
    result: Members,
) -> Outcome {
    reply.count(result.len());
    keys.put_set(call.argument(1), event, result);
    Ok(())
}

fn sintercard(keys: Reader<'_>, call: &Call<'_>, reply: &mut Reply<'_>) -> Outcome {
    let mut cursor = call.cursor(1);
    let count = cursor.integer().ok().and_then(|count| usize::try_from(count).ok());
    let count = count.filter(|&count| count > 0);
    let count = count.ok_or(CommandError::text("ERR numkeys should be greater than 0"))?;
    if count > cursor.remaining() {
        return Err(CommandError::text("ERR Number of keys can't be greater than number of args").into());
    }
    let names = cursor.clone();
    cursor.nth(count - 1);
    let mut limit = 0;
    while cursor.remaining() > 0 {
        if cursor.remaining() < 2 || !cursor.take_word("limit") {
            return Err(CommandError::SYNTAX.into());
        }
        limit = cursor.non_negative().map_err(|_| CommandError::text("ERR LIMIT can't be negative"))?;
    }
    let common = common(sets(keys, names.take(count))?);
    call.announce(common.cost())?;
    let most = if limit == 0 { usize::MAX } else { limit };
    reply.count(common.found().map_or(0, |found| found.take(most).count()));
    Ok(())
}
