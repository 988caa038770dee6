//! MEMORY: the bytes that a key takes, what memory is used for, and requests to the allocator.

use super::footprint::Footprint;
use super::help;
use crate::commands::call::Call;
use crate::commands::call::error::{CommandError, Outcome};
use crate::commands::spec::{AllKeys, CommandSpec, Flag, Group, Handler, KeyFlag, Keys};
use crate::commands::state::host::Host;
use crate::machine::allocator;
use crate::resp::reply::Reply;
use crate::store::Reader;
use std::fmt::Write;

/// Members that are sampled without SAMPLES. As Redis.
const SAMPLES: usize = 5;

const BASE: CommandSpec = CommandSpec { group: Group::Server, since: "4.0.0", ..CommandSpec::BASE };

/// A report about the whole server.
const REPORT: CommandSpec = CommandSpec {
    arity: 2,
    tips: &["nondeterministic_output", "request_policy:all_shards", "response_policy:special"],
    ..BASE
};

pub(in crate::commands) const COMMANDS: &[CommandSpec] = &[CommandSpec {
    name: "memory",
    summary: "Commands about memory",
    complexity: "Depends on subcommand.",
    arity: -2,
    subcommands: MEMORY,
    ..BASE
}];

const MEMORY: &[CommandSpec] = &[
    CommandSpec {
        name: "doctor",
        summary: "Names what is unusual about the use of memory",
        run: Handler::Admin(doctor),
        ..REPORT
    },
    CommandSpec {
        name: "malloc-stats",
        summary: "Returns the allocator's report about itself",
        complexity: "Depends on the allocator",
        run: Handler::Admin(|_, _, reply| {
            reply.verbatim(&allocator::report());
            Ok(())
        }),
        ..REPORT
    },
    CommandSpec {
        name: "purge",
        summary: "Gives free memory back to the system at once",
        complexity: "Depends on how much memory is free",
        arity: 2,
        tips: &["request_policy:all_shards", "response_policy:all_succeeded"],
        run: Handler::Admin(purge),
        ..BASE
    },
    CommandSpec {
        name: "stats",
        summary: "Returns what memory is used for",
        run: Handler::OwnLocks(stats),
        ..REPORT
    },
    CommandSpec {
        name: "usage",
        syntax: "key [SAMPLES count]",
        summary: "Returns the bytes of memory that a key and its value take",
        complexity: "O(N) with N samples",
        arity: -3,
        flags: &[Flag::Readonly],
        keys: Keys::Range { first: 1, last: 0, access: &[KeyFlag::Ro] },
        run: Handler::Read(usage),
        ..BASE
    },
    CommandSpec {
        since: "4.0.0",
        run: Handler::Admin(|_, _, reply| help::help("memory", reply)),
        ..help::HELP
    },
];

fn usage(keys: Reader<'_>, call: &Call<'_>, reply: &mut Reply<'_>) -> Outcome {
    let mut samples = SAMPLES;
    let mut cursor = call.cursor(2);
    while cursor.remaining() > 0 {
        if cursor.remaining() < 2 || !cursor.take_word("samples") {
            return Err(CommandError::SYNTAX.into());
        }
        samples = match cursor.integer()? {
            // All of them.
            0 => usize::MAX,
            count => usize::try_from(count).map_err(|_| CommandError::SYNTAX)?,
        };
    }
    match keys.memory_bytes(call.argument(1), samples) {
        Some(bytes) => reply.count(bytes),
        None => reply.null(),
    }
    Ok(())
}

/// The pages may be many, so it does not run on a thread that serves others.
fn purge(_: &Host, call: &Call<'_>, reply: &mut Reply<'_>) -> Outcome {
    call.announce(usize::MAX)?;
    if !allocator::purge() {
        return Err(CommandError::text("ERR Error purging dirty pages").into());
    }
    reply.ok();
    Ok(())
}

/// A value in the reply of MEMORY STATS.
enum Figure {
    Bytes(usize),
    Ratio(f64),
}

/// Redis's names. What rankd does not have is 0.
fn stats(keys: &mut AllKeys<'_, '_>, _: &Call<'_>, reply: &mut Reply<'_>) -> Outcome {
    let found = Footprint::of(keys.host);
    let databases = keys.host.store.databases();
    let used = (0..databases).map(|database| (database, keys.shards.size(database)));
    let used: Vec<_> = used.filter(|(_, size)| size.keys > 0).collect();
    let count: usize = used.iter().map(|(_, size)| size.keys).sum();
    let beyond = found.resident.saturating_sub(found.used);
    let since_start = found.used.saturating_sub(found.startup);
    let (fragmentation, counts) = (found.fragmentation(), found.counts);
    let before = [
        ("peak.allocated", found.peak),
        ("total.allocated", found.used),
        ("startup.allocated", found.startup),
        ("replication.backlog", found.of_backlog),
        ("replica.fullsync.buffer", 0),
        ("clients.slaves", 0),
        ("clients.normal", found.of_clients),
        ("cluster.links", 0),
        ("aof.buffer", found.unwritten),
        ("lua.caches", found.of_scripts),
        ("functions.caches", found.of_functions),
        ("script.VMs", found.interpreters.total()),
    ];
    let behind = [
        ("overhead.db.hashtable.lut", Figure::Bytes(0)),
        ("overhead.db.hashtable.rehashing", Figure::Bytes(0)),
        ("overhead.total", Figure::Bytes(found.overhead)),
        ("db.dict.rehashing.count", Figure::Bytes(0)),
        ("keys.count", Figure::Bytes(count)),
        ("keys.bytes-per-key", Figure::Bytes(since_start.checked_div(count).unwrap_or(0))),
        ("dataset.bytes", Figure::Bytes(found.dataset())),
        ("dataset.percentage", Figure::Ratio(found.dataset_percent())),
        ("peak.percentage", Figure::Ratio(found.peak_percent())),
        ("allocator.allocated", Figure::Bytes(counts.allocated)),
        ("allocator.active", Figure::Bytes(counts.active)),
        ("allocator.resident", Figure::Bytes(counts.resident)),
        ("allocator.muzzy", Figure::Bytes(0)),
        ("allocator-fragmentation.ratio", Figure::Ratio(found.allocator_fragmentation())),
        ("allocator-fragmentation.bytes", Figure::Bytes(counts.active.saturating_sub(counts.allocated))),
        ("allocator-rss.ratio", Figure::Ratio(found.allocator_surplus())),
        ("allocator-rss.bytes", Figure::Bytes(counts.resident.saturating_sub(counts.active))),
        ("rss-overhead.ratio", Figure::Ratio(found.process_surplus())),
        ("rss-overhead.bytes", Figure::Bytes(found.resident.saturating_sub(counts.resident))),
        ("fragmentation", Figure::Ratio(fragmentation)),
        ("fragmentation.bytes", Figure::Bytes(beyond)),
    ];
    reply.map(before.len() + used.len() + behind.len());
    for (name, bytes) in before {
        reply.bulk(name.as_bytes());
        reply.count(bytes);
    }
    for (database, size) in used {
        reply.bulk(format!("db.{database}").as_bytes());
        reply.map(2);
        reply.bulk(b"overhead.hashtable.main");
        reply.count(size.table_bytes());
        reply.bulk(b"overhead.hashtable.expires");
        reply.count(size.expiry_bytes());
    }
    for (name, figure) in behind {
        reply.bulk(name.as_bytes());
        match figure {
            Figure::Bytes(bytes) => reply.count(bytes),
            Figure::Ratio(ratio) => reply.double(ratio),
        }
    }
    Ok(())
}

/// Less than this is not worth a word.
const LITTLE_BYTES: usize = 5 << 20;

/// The words are rankd's own.
fn doctor(host: &Host, _: &Call<'_>, reply: &mut Reply<'_>) -> Outcome {
    let found = Footprint::of(host);
    let clients = host.clients.len().max(1);
    let mut report = String::new();
    let mut note = |is_so: bool, text: std::fmt::Arguments<'_>| {
        if is_so {
            let _ = writeln!(report, "- {text}");
        }
    };
    if found.used < LITTLE_BYTES {
        note(true, format_args!("The server uses {} bytes, too few to judge.", found.used));
    } else {
        note(
            found.used < found.peak / 3 * 2,
            format_args!("The peak was {} bytes, {} are in use now.", found.peak, found.used),
        );
        note(
            found.fragmentation() > 1.4,
            format_args!(
                "Physical memory is {:.2} times what is allocated; MEMORY PURGE gives free pages back.",
                found.fragmentation()
            ),
        );
        note(
            found.of_clients / clients > 200 << 10,
            format_args!("{clients} clients have {} bytes of buffers.", found.of_clients),
        );
        note(
            found.unwritten > 64 << 20,
            format_args!("{} bytes of the journal are not written yet.", found.unwritten),
        );
    }
    reply.verbatim(if report.is_empty() { "Nothing unusual was found.\n" } else { &report });
    Ok(())
}
