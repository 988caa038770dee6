//! PFADD, PFCOUNT and PFMERGE.

use super::sketch::{ESTIMATE, Form, HEADER, Highest, STALE, STALE_BIT, Sketch, SketchEdit, estimate_of};
use super::{BASE, Corrupt, REGISTERS, hash};
use crate::commands::call::Call;
use crate::commands::call::error::{CommandError, Outcome, Stop};
use crate::commands::spec::{CommandSpec, Flag, Handler, KeyFlag, Keys, Lookahead, Manner};
use crate::commands::strings::patch::{Draft, Patch, patch_string, patches};
use crate::resp::reply::Reply;
use crate::resp::request::Arguments;
use crate::store::{Value, Writer, WrongType};

pub(in crate::commands) const COMMANDS: &[CommandSpec] = &[
    CommandSpec {
        name: "pfadd",
        syntax: "key [element [element ...]]",
        summary: "Adds elements to a HyperLogLog",
        complexity: "O(1) for each element",
        arity: -2,
        flags: &[Flag::Write, Flag::Denyoom, Flag::Fast],
        keys: Keys::first(&[KeyFlag::Rw, KeyFlag::Insert]),
        lookahead: Some(Lookahead::Part(&[load_register])),
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

/// Loads ahead the register of the first element, if the string is as long as a dense sketch.
fn load_register(value: &Value, request: Arguments<'_>) {
    if let (Value::String(string), Some(element)) = (value, request.get(2))
        && string.len() == Sketch::DENSE_BYTES
    {
        string.prefetch_byte(Sketch::place_in_dense(hash::place_of(element).0));
    }
}

/// The bytes of a dense sketch that change when `element` is added; see [`Sketch::raised`].
fn raised(element: &[u8], byte: impl Fn(usize) -> u8) -> Option<(usize, [u8; 2])> {
    let (register, value) = hash::place_of(element);
    Sketch::raised(register, value, byte)
}

fn pfadd(keys: &mut Writer<'_, '_>, call: &Call<'_>, reply: &mut Reply<'_>) -> Outcome {
    let key = call.argument(1);
    let elements = call.cursor(2);
    let string = keys.reader().string(key)?;
    let sketch = string.map(Sketch::of).transpose()?;
    let has_changed = match (sketch, string) {
        (Some(Sketch { form: Form::Dense, .. }), Some(string)) => {
            let stale = string[STALE] | STALE_BIT;
            let mut raising = elements.clone().filter_map(|element| raised(element, |place| string[place]));
            match (raising.next(), raising.next()) {
                (None, _) => false,
                (Some((offset, bytes)), None) => {
                    // The last register has no second byte.
                    let register = Patch { offset, bytes: &bytes[..bytes.len().min(string.len() - offset)] };
                    let patches = [Patch { offset: STALE, bytes: &[stale] }, register];
                    let is_stale = string[STALE] == stale;
                    patch_string(keys, key, "pfadd", &patches[usize::from(is_stale)..])?;
                    true
                }
                // One byte may have bits of two registers.
                (Some(_), Some(_)) => {
                    let mut draft = Draft::over(string);
                    for element in elements {
                        if let Some(row) = raised(element, |place| draft.byte(place)) {
                            let places = (row.0..string.len()).zip(row.1);
                            places.for_each(|(place, byte)| draft.set_byte(place, byte));
                        }
                    }
                    draft.set_byte(STALE, stale);
                    let rows = draft.into_rows();
                    patch_string(keys, key, "pfadd", &patches(&rows))?;
                    true
                }
            }
        }
        (sketch, _) => {
            let most_bytes = call.config.hll_sparse_max_bytes;
            let mut has_changed = sketch.is_none();
            let mut edit = sketch
                .map_or_else(|| SketchEdit::empty(most_bytes), |sketch| SketchEdit::of(&sketch, most_bytes));
            for element in elements {
                has_changed |= edit.add(element)?;
            }
            if has_changed {
                write(keys, key, edit)?;
            }
            has_changed
        }
    };
    reply.integer(i64::from(has_changed));
    Ok(())
}

/// Writes the sketch to the key, with a stale estimate: if the string there gets no shorter, only what has changed.
fn write(keys: &mut Writer<'_, '_>, key: &[u8], edit: SketchEdit) -> Result<(), WrongType> {
    let (string, changed_from) = edit.into_stale();
    let is_whole =
        changed_from < HEADER || keys.reader().string(key)?.is_none_or(|old| old.len() > string.len());
    if is_whole {
        return keys.edit_string(key, "pfadd", |_| Ok(string));
    }
    let patch = |offset, end| Patch { offset, bytes: &string[offset..end] };
    let patches = [patch(STALE, HEADER), patch(changed_from, string.len())];
    let changed = 1 + usize::from(changed_from < string.len());
    patch_string(keys, key, "pfadd", &patches[..changed])
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
    write(keys, destination, edit)?;
    reply.ok();
    Ok(())
}
