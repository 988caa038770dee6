//! COMMAND INFO: what clients and proxies ask of a command: arity, flags, and where its keys stand.

use crate::commands::spec::table::{TableEntry, table};
use crate::commands::spec::{CommandSpec, KeyFlag, Keys, UnknownKeys};
use crate::resp::reply::Reply;

/// The ten elements of one command in COMMAND INFO.
pub(super) fn write_info(entry: &TableEntry, reply: &mut Reply<'_>) {
    let spec = entry.spec;
    // Redis counts a subcommand's arguments from the command's name on.
    let names_before = usize::from(entry.is_subcommand);
    let (first, last, step) = positions(spec.keys.declared(), names_before);
    reply.array(10);
    reply.bulk(entry.full_name.as_bytes());
    reply.integer(i64::from(spec.arity));
    let movable = spec.keys.are_movable().then_some("movablekeys");
    reply.set(spec.flags.len() + movable.iter().len());
    spec.flags.iter().map(|flag| flag.name()).chain(movable).for_each(|flag| reply.simple(flag));
    reply.count(first);
    reply.integer(i64::from(last));
    reply.integer(step);
    let categories = spec.acl_categories();
    reply.set(categories.len());
    categories.iter().for_each(|category| reply.simple(category));
    reply.set(spec.tips.len());
    spec.tips.iter().for_each(|tip| reply.bulk(tip.as_bytes()));
    write_key_specs(spec, names_before, reply);
    // Redis writes an empty list as a set.
    match entry.subcommands.len() {
        0 => reply.set(0),
        len => reply.array(len),
    }
    entry.subcommands.iter().for_each(|place| write_info(&table().entries()[*place], reply));
}

/// Positions of the first and the last key (negative: from the end), and the distance between two keys: all that COMMAND
/// could say before there were key specifications. Zeros where that is not enough.
fn positions(keys: &Keys, names_before: usize) -> (usize, i32, i64) {
    match *keys {
        Keys::Range { first, last, .. } => {
            let first = first + names_before;
            (first, if last == 0 { first as i32 } else { last }, 1)
        }
        Keys::Channels { last } => (1, if last == 0 { 1 } else { last }, 1),
        Keys::Pair { .. } => (1, 2, 1),
        Keys::Paired { .. } => (1, -1, 2),
        Keys::Both(one, other) => (positions(one, names_before).0, positions(other, names_before).1, 1),
        Keys::Store { sources: sources @ Keys::Range { .. } } => (1, positions(sources, names_before).1, 1),
        Keys::Store { .. } | Keys::StoreBehind { .. } => (1, 1, 1),
        Keys::None
        | Keys::Counted { .. }
        | Keys::CountedOrNone { .. }
        | Keys::Behind { .. }
        | Keys::Derived(_)
        | Keys::WithDerived { .. } => (0, 0, 0),
    }
}

fn write_key_specs(spec: &CommandSpec, names_before: usize, reply: &mut Reply<'_>) {
    let notes = spec.keys_note;
    let is_variable = spec.access_of_request.is_some();
    if let Keys::WithDerived { declared, unknown: unknown @ [_, ..], .. } = &spec.keys {
        reply.set(1 + unknown.len());
        write_key_spec(declared, names_before, is_variable, notes, reply);
        unknown.iter().for_each(|keys| write_unknown(keys, reply));
        return;
    }
    match spec.keys.declared() {
        Keys::None | Keys::Derived(_) | Keys::WithDerived { .. } => reply.set(0),
        Keys::Pair { first, second } => {
            reply.set(2);
            let at = |first, access| Keys::Range { first, last: 0, access };
            write_key_spec(&at(1, first), names_before, is_variable, notes, reply);
            write_key_spec(&at(2, second), names_before, is_variable, notes, reply);
        }
        Keys::Both(one, other) => {
            reply.set(2);
            write_key_spec(one, names_before, is_variable, notes, reply);
            write_key_spec(other, names_before, is_variable, notes, reply);
        }
        Keys::Store { sources } => {
            reply.set(2);
            write_key_spec(&Keys::OVERWRITTEN, names_before, false, None, reply);
            write_key_spec(sources, names_before, is_variable, notes, reply);
        }
        Keys::StoreBehind { words, from } => {
            reply.set(1 + words.len());
            let source = Keys::first(&[KeyFlag::Ro, KeyFlag::Access]);
            write_key_spec(&source, names_before, is_variable, notes, reply);
            let Keys::Range { access, .. } = Keys::OVERWRITTEN else { unreachable!("it is one argument") };
            for word in *words {
                let found = KeysFound { begin: Begin::Keyword(word, *from), by: "range", details: ONE_KEY };
                write_spec(&found, access, false, None, reply);
            }
        }
        Keys::Behind { word, from, access, .. } => {
            reply.set(1);
            let details = [("lastkey", -1), ("keystep", 1), ("limit", 2)];
            let found = KeysFound { begin: Begin::Keyword(word, *from), by: "range", details };
            write_spec(&found, access, is_variable, notes, reply);
        }
        keys => {
            reply.set(1);
            write_key_spec(keys, names_before, is_variable, notes, reply);
        }
    }
}

/// The key specification of keys that cannot be found.
fn write_unknown(keys: &UnknownKeys, reply: &mut Reply<'_>) {
    reply.map(4);
    reply.bulk(b"notes");
    reply.bulk(keys.note.as_bytes());
    reply.bulk(b"flags");
    reply.set(keys.access.len());
    keys.access.iter().for_each(|flag| reply.simple(flag.name()));
    for name in ["begin_search", "find_keys"] {
        reply.bulk(name.as_bytes());
        reply.map(2);
        reply.bulk(b"type");
        reply.bulk(b"unknown");
        reply.bulk(b"spec");
        reply.map(0);
    }
}

/// The key specification of a `Range`, `Paired` or `Counted`.
fn write_key_spec(
    keys: &Keys,
    names_before: usize,
    is_variable: bool,
    notes: Option<&str>,
    reply: &mut Reply<'_>,
) {
    let (first, access, by, details) = match *keys {
        Keys::Range { first, last, access } => {
            // Counted from the first key on, unless it is counted from the end.
            let last = if last > 0 { last - first as i32 } else { last };
            (first, access, "range", [("lastkey", i64::from(last)), ("keystep", 1), ("limit", 0)])
        }
        Keys::Channels { last } => {
            let details = [("lastkey", i64::from(last)), ("keystep", 1), ("limit", 0)];
            (1, &[KeyFlag::NotKey][..], "range", details)
        }
        Keys::Paired { access } => (1, access, "range", [("lastkey", -1), ("keystep", 2), ("limit", 0)]),
        Keys::Counted { count, access } | Keys::CountedOrNone { count, access } => {
            (count, access, "keynum", [("keynumidx", 0), ("firstkey", 1), ("keystep", 1)])
        }
        _ => unreachable!("has none of its own"),
    };
    let found = KeysFound { begin: Begin::Index(first + names_before), by, details };
    write_spec(&found, access, is_variable, notes, reply);
}

/// How clients find the keys of a specification.
struct KeysFound {
    begin: Begin,
    by: &'static str,
    details: [(&'static str, i64); 3],
}

/// Where a client begins to look.
enum Begin {
    /// At this position.
    Index(usize),
    /// Behind the first argument that is this word, from this position on.
    Keyword(&'static str, usize),
}

/// The one key at which a client begins.
const ONE_KEY: [(&str, i64); 3] = [("lastkey", 0), ("keystep", 1), ("limit", 0)];

fn write_spec(
    found: &KeysFound,
    access: &[KeyFlag],
    is_variable: bool,
    notes: Option<&str>,
    reply: &mut Reply<'_>,
) {
    reply.map(if notes.is_some() { 4 } else { 3 });
    if let Some(notes) = notes {
        reply.bulk(b"notes");
        reply.bulk(notes.as_bytes());
    }
    reply.bulk(b"flags");
    let variable = is_variable.then_some("variable_flags");
    reply.set(access.len() + variable.iter().len());
    access.iter().map(|flag| flag.name()).chain(variable).for_each(|flag| reply.simple(flag));
    reply.bulk(b"begin_search");
    reply.map(2);
    reply.bulk(b"type");
    match found.begin {
        Begin::Index(index) => {
            reply.bulk(b"index");
            reply.bulk(b"spec");
            reply.map(1);
            reply.bulk(b"index");
            reply.count(index);
        }
        Begin::Keyword(word, from) => {
            reply.bulk(b"keyword");
            reply.bulk(b"spec");
            reply.map(2);
            reply.bulk(b"keyword");
            reply.bulk(word.as_bytes());
            reply.bulk(b"startfrom");
            reply.count(from);
        }
    }
    reply.bulk(b"find_keys");
    reply.map(2);
    reply.bulk(b"type");
    reply.bulk(found.by.as_bytes());
    reply.bulk(b"spec");
    reply.map(found.details.len());
    for (name, value) in found.details {
        reply.bulk(name.as_bytes());
        reply.integer(value);
    }
}
