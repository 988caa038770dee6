//! The server: its time, its journal's checkpoints, its end.

use super::call::Call;
use super::error::{CommandError, Outcome};
use super::host::Host;
use super::session::{Next, Session};
use super::spec::{CommandSpec, Flag, Group, Run};
use crate::resp::reply::Reply;

const BASE: CommandSpec = CommandSpec { group: Group::Server, ..CommandSpec::BASE };

pub(super) const COMMANDS: &[CommandSpec] = &[
    CommandSpec {
        name: "time",
        syntax: "",
        summary: "Returns the server's time",
        since: "2.6.0",
        flags: &[Flag::Loading, Flag::Stale, Flag::Fast],
        tips: &["nondeterministic_output"],
        run: Run::Admin(time),
        ..BASE
    },
    CommandSpec {
        name: "lastsave",
        syntax: "",
        summary: "Returns the time of the last checkpoint",
        flags: &[Flag::Loading, Flag::Stale, Flag::Fast],
        categories: &["@admin", "@dangerous"],
        tips: &["nondeterministic_output"],
        run: Run::Admin(lastsave),
        ..BASE
    },
    CommandSpec {
        name: "bgrewriteaof",
        syntax: "",
        summary: "Writes a checkpoint of the journal while serving",
        complexity: "O(N) in the background, in small steps",
        flags: &[Flag::Admin, Flag::Noscript, Flag::NoAsyncLoading],
        run: Run::Admin(bgrewriteaof),
        ..BASE
    },
    CommandSpec {
        name: "shutdown",
        syntax: "[NOSAVE | SAVE] [NOW] [FORCE] [ABORT]",
        summary: "Flushes and syncs the journal and ends the server",
        complexity: "O(1)",
        arity: -1,
        flags: &[Flag::Admin, Flag::Noscript, Flag::Loading, Flag::Stale, Flag::NoMulti, Flag::AllowBusy],
        run: Run::Session(shutdown),
        ..BASE
    },
];

fn time(host: &Host, _: &Call<'_>, reply: &mut Reply<'_>) -> Outcome {
    let now_us = host.clock.now_us();
    reply.array(2);
    reply.bulk_integer((now_us / 1_000_000).cast_signed());
    reply.bulk_integer((now_us % 1_000_000).cast_signed());
    Ok(())
}

fn lastsave(host: &Host, _: &Call<'_>, reply: &mut Reply<'_>) -> Outcome {
    let persistence = host.process.persistence();
    // As Redis: a server that has written none yet names its start.
    let unix_s = persistence.last_checkpoint_unix_s.max(host.started_ms / 1000);
    reply.integer(unix_s.cast_signed());
    Ok(())
}

fn bgrewriteaof(host: &Host, _: &Call<'_>, reply: &mut Reply<'_>) -> Outcome {
    host.process.start_checkpoint().map_err(|why| CommandError::new(format!("ERR {why}")))?;
    reply.simple("Background append only file rewriting started");
    Ok(())
}

/// The journal is always flushed and synced; SAVE and NOSAVE, which are about RDB files, only have to be spelled right.
fn shutdown(host: &Host, session: &mut Session, call: &Call<'_>, _: &mut Reply<'_>) -> Outcome {
    let (mut save, mut nosave, mut now, mut force, mut abort) = (false, false, false, false, false);
    for option in call.cursor(1) {
        match option.to_ascii_lowercase().as_slice() {
            b"save" => save = true,
            b"nosave" => nosave = true,
            b"now" => now = true,
            b"force" => force = true,
            b"abort" => abort = true,
            _ => return Err(CommandError::SYNTAX),
        }
    }
    if (abort && (save || nosave || now || force)) || (save && nosave) {
        return Err(CommandError::SYNTAX);
    }
    if abort {
        return Err(CommandError::text("ERR No shutdown in progress."));
    }
    host.process.shut_down();
    // As Redis: no reply to this, only to what came before it.
    session.next = Next::Close;
    Ok(())
}
