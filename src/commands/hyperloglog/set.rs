//! PFADD, PFCOUNT and PFMERGE.

use super::sketch::{ESTIMATE, Form, Highest, STALE, STALE_BIT, Sketch, SketchEdit, estimate_of};
use super::{BASE, Corrupt, REGISTERS, hash};
use crate::commands::call::error::{CommandError, Outcome, Stop};
use crate::commands::call::{Call, Cursor};
use crate::commands::spec::{CommandSpec, Flag, Handler, KeyFlag, Keys, Lookahead, Manner};
use crate::commands::strings::patch::{Draft, Patch, patch_string};
use crate::resp::reply::Reply;
use crate::resp::request::Arguments;
use crate::store::{ByteString, Edit, Missing, Value, Writer, WrongType};
use std::ops::Range;

pub(in crate::commands) const COMMANDS: &[CommandSpec] = &[
    CommandSpec {
        name: "pfadd",
        syntax: "key [element [element ...]]",
        summary: "Adds elements to a HyperLogLog",
        complexity: "O(1) for each element",
        arity: -2,
        flags: &[Flag::Write, Flag::Denyoom, Flag::Fast],
        keys: Keys::first(&[KeyFlag::Rw, KeyFlag::Insert]),
        lookahead: Some(Lookahead::Part(&[load_registers])),
        run: Handler::Write(pfadd),
        ..BASE
    },
    CommandSpec {
        name: "pfcount",
        syntax: "key [key ...]",
        summary: "Estimates how many different elements were added to HyperLogLogs",
        complexity: "O(1) for a single key whose estimate is known, O(N) for N keys with a large constant",
        arity: -2,
        flags: &[Flag::Readonly],
        manners: &[Manner::KeepsResult],
        keys: Keys::Range { first: 1, last: -1, access: &[KeyFlag::Rw, KeyFlag::Access] },
        run: Handler::Write(pfcount),
        keys_note: Some(
            "RW because it may change the internal representation of the key, and propagate to replicas",
        ),
        ..BASE
    },
    CommandSpec {
        name: "pfmerge",
        syntax: "destkey [sourcekey [sourcekey ...]]",
        summary: "Merges HyperLogLogs into one",
        complexity: "O(N) for N keys with a large constant",
        arity: -2,
        flags: &[Flag::Write, Flag::Denyoom],
        keys: Keys::Both(
            &Keys::Range { first: 1, last: 0, access: &[KeyFlag::Rw, KeyFlag::Access, KeyFlag::Insert] },
            &Keys::Range { first: 2, last: -1, access: &[KeyFlag::Ro, KeyFlag::Access] },
        ),
        run: Handler::Write(pfmerge),
        ..BASE
    },
];

/// Reading all registers of a sketch takes as long as this many elements of other commands.
const ELEMENTS_PER_SKETCH: usize = 128;

impl From<Corrupt> for Stop {
    fn from(corrupt: Corrupt) -> Self {
        CommandError::from(corrupt).into()
    }
}

impl From<Corrupt> for CommandError {
    fn from(_: Corrupt) -> Self {
        Self::text("INVALIDOBJ Corrupted HLL object detected")
    }
}

/// The offsets of the bytes of a sparse sketch that are loaded ahead: one in each of the next cache lines. The first line is loaded
/// with the key, and the processor itself loads what follows.
const AHEAD_IN_SPARSE: [usize; 4] = [64, 128, 192, 256];

/// Loads ahead the register of the first element, if the string is as long as a dense sketch. Else the runs: they are read from
/// the first one on.
fn load_registers(value: &Value, request: Arguments<'_>) {
    let (Value::String(string), Some(element)) = (value, request.get(2)) else { return };
    if string.len() == Sketch::DENSE_BYTES {
        string.prefetch_byte(Sketch::place_in_dense(hash::place_of(element).0));
    } else {
        AHEAD_IN_SPARSE.into_iter().for_each(|offset| string.prefetch_byte(offset));
    }
}

/// The bytes of a dense sketch that change when `element` is added; see [`Sketch::raised`].
fn raised(element: &[u8], byte: impl Fn(usize) -> u8) -> Option<(usize, [u8; 2])> {
    let (register, value) = hash::place_of(element);
    Sketch::raised(register, value, byte)
}

/// What has become of a sketch to which elements were added.
enum Added {
    /// It is as it was.
    Nothing,
    /// It was changed where it is.
    InPlace,
    /// This string has to replace it.
    Whole(Vec<u8>),
}

fn pfadd(keys: &mut Writer<'_, '_>, call: &Call<'_>, reply: &mut Reply<'_>) -> Outcome {
    let (key, elements, most_bytes) = (call.argument(1), call.cursor(2), call.config.hll_sparse_max_bytes);
    let added = keys.edit(key, Missing::Skip, "pfadd", |string| add(string, elements.clone(), most_bytes))?;
    let added = match added {
        Some(added) => added?,
        None => {
            let mut edit = SketchEdit::empty(most_bytes);
            edit.add_all(elements)?;
            Added::Whole(edit.into_stale().0)
        }
    };
    reply.integer(i64::from(!matches!(added, Added::Nothing)));
    if let Added::Whole(string) = added {
        keys.edit_string(key, "pfadd", |_| Ok::<_, WrongType>(string))?;
    }
    Ok(())
}

/// Adds elements to a sketch that is there.
fn add(
    string: &mut Edit<'_, '_, ByteString>,
    elements: Cursor<'_>,
    most_bytes: usize,
) -> Result<Added, Stop> {
    let sketch = Sketch::of(string)?;
    if sketch.form == Form::Dense {
        return Ok(add_to_dense(string, &elements));
    }
    let mut edit = SketchEdit::of(&sketch, most_bytes);
    if !edit.add_all(elements)? {
        return Ok(Added::Nothing);
    }
    Ok(match edit.into_stale() {
        (whole, None) => Added::Whole(whole),
        (edited, Some(changed)) => {
            patch(string, &edited, changed);
            Added::InPlace
        }
    })
}

/// As [`add`], for a dense one: only the bytes of its registers change.
fn add_to_dense(string: &mut Edit<'_, '_, ByteString>, elements: &Cursor<'_>) -> Added {
    let stale = string[STALE] | STALE_BIT;
    let mut raising = elements.clone().filter_map(|element| raised(element, |place| string[place]));
    match (raising.next(), raising.next()) {
        (None, _) => return Added::Nothing,
        (Some((offset, bytes)), None) => {
            if string[STALE] != stale {
                string.patch(STALE, &[stale]);
            }
            // The last register has no second byte.
            let len = bytes.len().min(string.len() - offset);
            string.patch(offset, &bytes[..len]);
        }
        // One byte may have bits of two registers.
        (Some(_), Some(_)) => {
            let mut draft = Draft::over(string);
            for element in elements.clone() {
                if let Some(row) = raised(element, |place| draft.byte(place)) {
                    let places = (row.0..string.len()).zip(row.1);
                    places.for_each(|(place, byte)| draft.set_byte(place, byte));
                }
            }
            draft.set_byte(STALE, stale);
            draft.into_rows().iter().for_each(|(offset, bytes)| string.patch(*offset, bytes));
        }
    }
    Added::InPlace
}

/// Writes what has changed in the edited sketch ([`SketchEdit::into_stale`]) to the string of which it was made.
fn patch(string: &mut Edit<'_, '_, ByteString>, edited: &[u8], changed: [Range<usize>; 2]) {
    let changed = changed.into_iter().filter(|range| !range.is_empty());
    changed.for_each(|range| string.patch(range.start, &edited[range]));
}

/// The estimate of a single key is stored in its header, and is valid until a register changes.
fn pfcount(keys: &mut Writer<'_, '_>, call: &Call<'_>, reply: &mut Reply<'_>) -> Outcome {
    let reader = keys.source_reader();
    if call.arguments.len() > 2 {
        call.announce((call.arguments.len() - 1) * ELEMENTS_PER_SKETCH)?;
        let mut highest: Highest = [0; REGISTERS];
        for key in call.cursor(1) {
            if let Some(string) = reader.string(key)? {
                Sketch::of(string)?.merge_into(&mut highest)?;
            }
        }
        reply.integer(estimate_of(&highest).cast_signed());
        return Ok(());
    }
    let Some(string) = reader.string(call.argument(1))? else {
        reply.integer(0);
        return Ok(());
    };
    let sketch = Sketch::of(string)?;
    let estimate = match sketch.kept_estimate() {
        Some(estimate) => estimate,
        None => {
            let estimate = sketch.estimate()?;
            let patch = Patch { offset: ESTIMATE, bytes: &estimate.to_le_bytes() };
            patch_string(keys, call.argument(1), None, &[patch])?;
            estimate
        }
    };
    reply.integer(estimate.cast_signed());
    Ok(())
}

/// The destination is also a source. It becomes dense if any source is.
fn pfmerge(keys: &mut Writer<'_, '_>, call: &Call<'_>, reply: &mut Reply<'_>) -> Outcome {
    call.announce((call.arguments.len() - 1) * ELEMENTS_PER_SKETCH)?;
    let (destination, most_bytes) = (call.argument(1), call.config.hll_sparse_max_bytes);
    let reader = keys.source_reader();
    let mut highest: Highest = [0; REGISTERS];
    let mut is_dense = false;
    for key in call.cursor(1) {
        if let Some(string) = reader.string(key)? {
            let sketch = Sketch::of(string)?;
            is_dense |= sketch.form == Form::Dense;
            sketch.merge_into(&mut highest)?;
        }
    }
    let mut edit = match keys.reader().string(destination)? {
        Some(string) => SketchEdit::of(&Sketch::of(string)?, most_bytes),
        None => SketchEdit::empty(most_bytes),
    };
    if is_dense {
        edit.make_dense()?;
    }
    for (register, value) in highest.iter().enumerate().filter(|(_, value)| **value > 0) {
        edit.raise(register, *value)?;
    }
    match edit.into_stale() {
        (whole, None) => keys.edit_string(destination, "pfadd", |_| Ok::<_, WrongType>(whole))?,
        (edited, Some(changed)) => {
            keys.edit(destination, Missing::Skip, "pfadd", |string| patch(string, &edited, changed))?;
        }
    }
    reply.ok();
    Ok(())
}
