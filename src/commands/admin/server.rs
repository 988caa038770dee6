//! The server: its time, the dump file, checkpoints of the journal, and its end.

use super::debug;
use crate::commands::call::Call;
use crate::commands::call::error::{CommandError, Outcome};
use crate::commands::spec::{Caller, CommandSpec, Flag, Group, Handler};
use crate::commands::state::host::{AtEnd, Host, LaggingReplicas};
use crate::commands::state::session::NextStep;
use crate::resp::reply::Reply;
use crate::store::Basis;

const BASE: CommandSpec = CommandSpec { group: Group::Server, ..CommandSpec::BASE };

pub(in crate::commands) const COMMANDS: &[CommandSpec] = &[
    CommandSpec {
        name: "time",
        syntax: "",
        summary: "Returns the server's time",
        since: "2.6.0",
        flags: &[Flag::Loading, Flag::Stale, Flag::Fast],
        tips: &["nondeterministic_output"],
        run: Handler::Session(time),
        ..BASE
    },
    CommandSpec {
        name: "lastsave",
        syntax: "",
        summary: "Returns the time of the last save to the dump file",
        flags: &[Flag::Loading, Flag::Stale, Flag::Fast],
        categories: &["@admin", "@dangerous"],
        tips: &["nondeterministic_output"],
        run: Handler::Admin(lastsave),
        ..BASE
    },
    CommandSpec {
        name: "save",
        syntax: "",
        summary: "Writes the dump file; no other command runs meanwhile",
        complexity: "O(N) with N elements of all keys",
        flags: &[Flag::Admin, Flag::Noscript, Flag::NoAsyncLoading, Flag::NoMulti],
        run: Handler::Admin(save),
        ..BASE
    },
    CommandSpec {
        name: "bgsave",
        syntax: "[SCHEDULE]",
        summary: "Writes the dump file while serving",
        complexity: "O(N) in the background, in small steps",
        arity: -1,
        flags: &[Flag::Admin, Flag::Noscript, Flag::NoAsyncLoading],
        run: Handler::Admin(bgsave),
        ..BASE
    },
    CommandSpec {
        name: "debug",
        syntax: "subcommand [argument [argument ...]]",
        summary: "Helps test suites: saves and reloads, sleeps, sets switches",
        complexity: "Depends on subcommand.",
        arity: -2,
        flags: &[Flag::Admin, Flag::Noscript, Flag::Loading, Flag::Stale],
        run: Handler::OwnLocks(debug::debug),
        ..BASE
    },
    CommandSpec {
        name: "bgrewriteaof",
        syntax: "",
        summary: "Writes a checkpoint of the journal while serving",
        complexity: "O(N) in the background, in small steps",
        flags: &[Flag::Admin, Flag::Noscript, Flag::NoAsyncLoading],
        run: Handler::Admin(bgrewriteaof),
        ..BASE
    },
    CommandSpec {
        name: "shutdown",
        syntax: "[NOSAVE | SAVE] [NOW] [FORCE] [ABORT]",
        summary: "Flushes and syncs the journal and ends the server",
        complexity: "O(1)",
        arity: -1,
        flags: &[Flag::Admin, Flag::Noscript, Flag::Loading, Flag::Stale, Flag::NoMulti, Flag::AllowBusy],
        run: Handler::Session(shutdown),
        ..BASE
    },
];

/// As in Redis, time stands still in a transaction and in a script.
fn time(caller: &mut Caller<'_>, _: &Call<'_>, reply: &mut Reply<'_>) -> Outcome {
    let now_us = match caller.basis {
        Basis::Record(_) => caller.host.clock.now_us(),
        Basis::Open(_) => *caller.session.unit_time_us.get_or_insert_with(|| caller.host.clock.now_us()),
    };
    reply.array(2);
    reply.bulk_integer((now_us / 1_000_000).cast_signed());
    reply.bulk_integer((now_us % 1_000_000).cast_signed());
    Ok(())
}

fn lastsave(host: &Host, _: &Call<'_>, reply: &mut Reply<'_>) -> Outcome {
    reply.integer(host.process.saves().last_unix_s.cast_signed());
    Ok(())
}

fn save(host: &Host, _: &Call<'_>, reply: &mut Reply<'_>) -> Outcome {
    host.process.save().map_err(|why| CommandError::new(format!("ERR {why}")))?;
    reply.ok();
    Ok(())
}

/// A save can begin while a checkpoint runs, so SCHEDULE has no effect.
fn bgsave(host: &Host, call: &Call<'_>, reply: &mut Reply<'_>) -> Outcome {
    let mut options = call.cursor(1);
    let _ = options.take_word("schedule");
    if options.remaining() > 0 {
        return Err(CommandError::SYNTAX.into());
    }
    host.process.start_save().map_err(|why| CommandError::new(format!("ERR {why}")))?;
    reply.simple("Background saving started");
    Ok(())
}

fn bgrewriteaof(host: &Host, _: &Call<'_>, reply: &mut Reply<'_>) -> Outcome {
    host.process.start_checkpoint().map_err(|why| CommandError::new(format!("ERR {why}")))?;
    reply.simple("Background append only file rewriting started");
    Ok(())
}

/// The journal is always flushed and synced; SAVE writes the dump file too.
fn shutdown(caller: &mut Caller<'_>, call: &Call<'_>, _: &mut Reply<'_>) -> Outcome {
    let host = caller.host;
    let (mut save, mut nosave, mut now, mut force, mut abort) = (false, false, false, false, false);
    for option in call.cursor(1) {
        match option.to_ascii_lowercase().as_slice() {
            b"save" => save = true,
            b"nosave" => nosave = true,
            b"now" => now = true,
            b"force" => force = true,
            b"abort" => abort = true,
            _ => return Err(CommandError::SYNTAX.into()),
        }
    }
    if (abort && (save || nosave || now || force)) || (save && nosave) {
        return Err(CommandError::SYNTAX.into());
    }
    if abort {
        return Err(CommandError::text("ERR No shutdown in progress.").into());
    }
    // A script that runs too long is ended only by a stop that does not ask for its changes.
    if let Some(busy) = host.running_scripts.busy_text() {
        if !nosave {
            return Err(CommandError::text(busy).into());
        }
        host.running_scripts.abandon_all();
    }
    // As in Redis: while the data are being read, the dump file must not be replaced by a part of them.
    let saves = !host.is_loading() && (save || !nosave && !call.config.save.is_empty());
    let at_end = match (saves, force) {
        (false, _) => AtEnd::Leave,
        (true, false) => AtEnd::Save,
        (true, true) => AtEnd::TrySave,
    };
    let refusal = |_| CommandError::text("ERR Errors trying to SHUTDOWN. Check logs.");
    let lagging = if now { LaggingReplicas::Leave } else { LaggingReplicas::Wait };
    host.process.shut_down(at_end, lagging).map_err(refusal)?;
    // As in Redis, SHUTDOWN itself has no reply; the commands before it have. A client whose connection ends finds no server.
    *caller.next = NextStep::End;
    Ok(())
}
