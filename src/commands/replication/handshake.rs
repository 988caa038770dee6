//! REPLCONF, PSYNC and SYNC: what a replica says before it gets data. From PSYNC or SYNC on its connection is no client's any
//! more (`src/server/connection/replica.rs`).

use crate::commands::call::error::{CommandError, Outcome};
use crate::commands::call::{Call, parse_integer, text};
use crate::commands::spec::{Caller, CommandSpec, Flag, Group, Handler};
use crate::commands::state::failover::FailoverPhase;
use crate::commands::state::replica_request::DataWish;
use crate::commands::state::session::NextStep;
use crate::limits;
use crate::resp::reply::Reply;

const BASE: CommandSpec = CommandSpec { group: Group::Server, ..CommandSpec::BASE };

pub(in crate::commands) const COMMANDS: &[CommandSpec] = &[
    CommandSpec {
        name: "replconf",
        syntax: "",
        summary: "Tells a master what its replica can do",
        since: "3.0.0",
        arity: -1,
        flags: &[Flag::Admin, Flag::Noscript, Flag::Loading, Flag::Stale, Flag::AllowBusy],
        run: Handler::Session(replconf),
        ..BASE
    },
    CommandSpec {
        name: "psync",
        syntax: "replicationid offset",
        summary: "Makes the connection one of a replica, which goes on where it was if it can",
        since: "2.8.0",
        complexity: "O(N) in the background, in small steps, with N elements of all keys",
        arity: -3,
        flags: &[Flag::Admin, Flag::Noscript, Flag::NoAsyncLoading, Flag::NoMulti],
        run: Handler::Session(psync),
        ..BASE
    },
    CommandSpec {
        name: "sync",
        syntax: "",
        summary: "Makes the connection one of a replica, which gets all data",
        complexity: "O(N) in the background, in small steps, with N elements of all keys",
        flags: &[Flag::Admin, Flag::Noscript, Flag::NoAsyncLoading, Flag::NoMulti],
        run: Handler::Session(sync),
        ..BASE
    },
];

fn replconf(caller: &mut Caller<'_>, call: &Call<'_>, reply: &mut Reply<'_>) -> Outcome {
    if call.arguments.len().is_multiple_of(2) {
        return Err(CommandError::SYNTAX.into());
    }
    let replica = caller.session.replica_request();
    let mut words = call.cursor(1);
    while let (Some(option), Some(value)) = (words.next(), words.next()) {
        match option.to_ascii_lowercase().as_slice() {
            b"listening-port" => {
                replica.listening_port = u16::try_from(parse_integer(value)?).unwrap_or(0);
            }
            b"ip-address" => {
                if value.len() > limits::REPLICA_ADDRESS_BYTES {
                    let bytes = value.len();
                    let why = format!(
                        "ERR REPLCONF ip-address provided by replica instance is too long: {bytes} bytes"
                    );
                    return Err(CommandError::new(why).into());
                }
                replica.address = text(value);
            }
            b"capa" => match value.to_ascii_lowercase().as_slice() {
                b"eof" => replica.reads_to_mark = true,
                b"psync2" => replica.follows_renames = true,
                b"rankd" => replica.is_rankd = true,
                other => {
                    if let Some(version) = other.strip_prefix(b"rankd-base-") {
                        replica.base_version = parse_integer(version).ok().and_then(|n| n.try_into().ok());
                    }
                }
            },
            // Only from a replica that gets the stream these mean something. They have no reply.
            b"ack" | b"getack" => return Ok(()),
            b"rdb-only" => {
                let flag = parse_integer(value)?;
                if !(0..=1).contains(&flag) {
                    return Err(
                        CommandError::text("ERR value is out of range, value must between 0 and 1").into()
                    );
                }
                replica.wants_only_file = flag == 1;
            }
            b"rdb-filter-only" => {
                let why = format!("ERR Unsupported rdb-filter-only option: {}", text(value));
                return Err(CommandError::new(why).into());
            }
            // Valkey's. Files and stream are the same for all versions.
            b"version" => {}
            _ => {
                let why = format!("ERR Unrecognized REPLCONF option: {}", text(option));
                return Err(CommandError::new(why).into());
            }
        }
    }
    reply.ok();
    Ok(())
}

fn psync(caller: &mut Caller<'_>, call: &Call<'_>, _: &mut Reply<'_>) -> Outcome {
    let id = call.argument(1);
    let hands_over = call.arguments.get(3).is_some_and(|word| word.eq_ignore_ascii_case(b"failover"));
    if hands_over {
        if !caller.host.upstream.is_set() {
            return Err(CommandError::text("ERR PSYNC FAILOVER can't be sent to a master.").into());
        }
        if !id.eq_ignore_ascii_case(caller.host.process.replication().id.as_bytes()) {
            return Err(CommandError::text("ERR PSYNC FAILOVER replid must match my replid.").into());
        }
    } else {
        check_link(caller)?;
    }
    check_failover(caller)?;
    let next = parse_integer(call.argument(2))?;
    begin(caller, DataWish::Behind { id: id.into(), next, hands_over });
    Ok(())
}

fn sync(caller: &mut Caller<'_>, _: &Call<'_>, _: &mut Reply<'_>) -> Outcome {
    check_link(caller)?;
    check_failover(caller)?;
    begin(caller, DataWish::All);
    Ok(())
}

/// What the data are of a replica that has no link to its master nobody knows.
fn check_link(caller: &Caller<'_>) -> Result<(), CommandError> {
    if caller.host.upstream.is_stale() {
        return Err(CommandError::text("NOMASTERLINK Can't SYNC while not connected with my master"));
    }
    Ok(())
}

/// A server that hands its part over takes no replicas meanwhile.
fn check_failover(caller: &Caller<'_>) -> Result<(), CommandError> {
    match caller.host.failover.phase() {
        FailoverPhase::Absent => Ok(()),
        _ => Err(CommandError::text("NOMASTERLINK Can't SYNC while failing over")),
    }
}

/// The connection becomes that of a replica once the replies so far are sent.
fn begin(caller: &mut Caller<'_>, wish: DataWish) {
    caller.session.replica_request().wish = wish;
    *caller.next = NextStep::Replicate;
}
