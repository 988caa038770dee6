//! What COMMAND INFO and COMMAND GETKEYSANDFLAGS say of a command's keys, in Redis's terms.

use crate::commands::call::Call;
use crate::commands::spec::{CommandSpec, Flag, Keys};
use crate::resp::reply::Reply;

/// Positions of the first and the last key (negative: from the end) and how far one is from the next: all that COMMAND
/// could say before there were key specifications. Zeros where that is not enough.
pub(super) fn positions(keys: &Keys, names_before: usize) -> (usize, i32, i64) {
    match *keys {
        Keys::Range { first, last, .. } => {
            let first = first + names_before;
            (first, if last == 0 { first as i32 } else { last }, 1)
        }
        Keys::Paired { .. } => (1, -1, 2),
        Keys::Both(one, other) => (positions(one, names_before).0, positions(other, names_before).1, 1),
        Keys::Store { sources: Keys::Range { first, .. } } => (1, *first as i32, 1),
        Keys::Store { .. } => (1, 1, 1),
        Keys::None | Keys::Counted { .. } | Keys::Derived(_) | Keys::WithDerived { .. } => (0, 0, 0),
    }
}

/// The key specifications of a command.
pub(super) fn write_key_specs(spec: &CommandSpec, names_before: usize, reply: &mut Reply<'_>) {
    let notes = spec.keys_note;
    match spec.keys.declared() {
        Keys::None | Keys::Derived(_) | Keys::WithDerived { .. } => reply.set(0),
        Keys::Both(one, other) => {
            reply.set(2);
            write_key_spec(one, names_before, notes, reply);
            write_key_spec(other, names_before, notes, reply);
        }
        Keys::Store { sources } => {
            reply.set(2);
            write_key_spec(&Keys::OVERWRITTEN, names_before, None, reply);
            write_key_spec(sources, names_before, notes, reply);
        }
        keys => {
            reply.set(1);
            write_key_spec(keys, names_before, notes, reply);
        }
    }
}

/// The key specification of a `Range`, `Paired` or `Counted`.
fn write_key_spec(keys: &Keys, names_before: usize, notes: Option<&str>, reply: &mut Reply<'_>) {
    let (first, access, found_by, details) = match *keys {
        Keys::Range { first, last, access } => {
            // Counted from the first key on, unless it is counted from the end.
            let last = if last > 0 { last - first as i32 } else { last };
            (first, access, "range", [("lastkey", i64::from(last)), ("keystep", 1), ("limit", 0)])
        }
        Keys::Paired { access } => (1, access, "range", [("lastkey", -1), ("keystep", 2), ("limit", 0)]),
        Keys::Counted { count, access } => {
            (count, access, "keynum", [("keynumidx", 0), ("firstkey", 1), ("keystep", 1)])
        }
        Keys::None | Keys::Both(..) | Keys::Store { .. } | Keys::Derived(_) | Keys::WithDerived { .. } => {
            unreachable!("has none of its own")
        }
    };
    reply.map(if notes.is_some() { 4 } else { 3 });
    if let Some(notes) = notes {
        reply.bulk(b"notes");
        reply.bulk(notes.as_bytes());
    }
    reply.bulk(b"flags");
    reply.set(access.len());
    access.iter().for_each(|flag| reply.simple(flag));
    reply.bulk(b"begin_search");
    reply.map(2);
    reply.bulk(b"type");
    reply.bulk(b"index");
    reply.bulk(b"spec");
    reply.map(1);
    reply.bulk(b"index");
    reply.count(first + names_before);
    reply.bulk(b"find_keys");
    reply.map(2);
    reply.bulk(b"type");
    reply.bulk(found_by.as_bytes());
    reply.bulk(b"spec");
    reply.map(details.len());
    for (name, value) in details {
        reply.bulk(name.as_bytes());
        reply.integer(value);
    }
}

/// What a request does with the key that comes at `index` among its keys.
pub(super) fn access_of_key(spec: &CommandSpec, request: &Call<'_>, index: usize) -> &'static [&'static str] {
    match spec.keys {
        // SET reads what was there only if it is to be returned.
        _ if spec.name == "set" => {
            let returns_old = request.cursor(3).any(|word| word.eq_ignore_ascii_case(b"get"));
            if returns_old { &["RW", "access", "update"] } else { &["OW", "update"] }
        }
        _ if spec.name == "bitfield" => {
            if only_gets(request) {
                &["RO", "access"]
            } else {
                &["RW", "access", "update"]
            }
        }
        Keys::Range { access, .. } | Keys::Paired { access } | Keys::Counted { access, .. } => access,
        Keys::Both(Keys::Range { access, .. }, _) if index == 0 => access,
        Keys::Both(_, Keys::Range { access, .. }) => access,
        Keys::Store { .. } if index == 0 => &["OW", "update"],
        Keys::Store { sources: Keys::Range { access, .. } | Keys::Counted { access, .. } } => access,
        Keys::Derived(_) if spec.has(Flag::Write) => &["RW", "update"],
        Keys::Derived(_) | Keys::WithDerived { .. } | Keys::Both(..) | Keys::Store { .. } | Keys::None => {
            &["RO", "access"]
        }
    }
}

/// Whether a BITFIELD changes nothing. As in Redis, one that makes no sense might.
fn only_gets(request: &Call<'_>) -> bool {
    let mut words = request.cursor(2);
    while words.remaining() > 0 {
        let left = words.remaining();
        if left > 2 && words.take_word("get") {
            words.nth(1);
        } else if left > 1 && words.take_word("overflow") {
            words.next();
        } else {
            return false;
        }
    }
    true
}
