//! The connection itself: its protocol, password and database, and its end.

pub(super) mod client;
pub(super) mod monitor;
pub(super) mod pubsub;
pub(super) mod transactions;

use super::acl::identity::Identity;
use super::acl::log::{Denial, DenialContext, Reason};
use super::acl::permission::note;
use super::call::error::{CommandError, Outcome};
use super::call::{Call, parse_integer, text};
use super::spec::{Caller, CommandSpec, Flag, Group, Handler, Manner};
use super::state::host::Host;
use super::state::marks::Mark;
use super::state::modes::Replies;
use super::state::session::{NextStep, Session};
use crate::resp::Protocol;
use crate::resp::integer;
use crate::resp::reply::Reply;
use crate::resp::request::Arguments;
use client::check_printable;

const BASE: CommandSpec = CommandSpec { group: Group::Connection, ..CommandSpec::BASE };

const BEFORE_AUTH: &[Flag] =
    &[Flag::Noscript, Flag::Loading, Flag::Stale, Flag::Fast, Flag::NoAuth, Flag::AllowBusy];

pub(super) const COMMANDS: &[CommandSpec] = &[
    CommandSpec {
        name: "ping",
        syntax: "[message]",
        summary: "Returns PONG, or the message",
        arity: -1,
        flags: &[Flag::Fast],
        tips: &["request_policy:all_shards", "response_policy:all_succeeded"],
        run: Handler::Session(ping),
        manners: &[Manner::RunsWhileListening, Manner::ProbesWrites],
        ..BASE
    },
    CommandSpec {
        name: "echo",
        syntax: "message",
        summary: "Returns the message",
        arity: 2,
        flags: &[Flag::Loading, Flag::Stale, Flag::Fast],
        run: Handler::Session(echo),
        ..BASE
    },
    CommandSpec {
        name: "hello",
        syntax: "[protover [AUTH username password] [SETNAME clientname]]",
        summary: "Chooses the protocol and introduces both sides",
        since: "6.0.0",
        arity: -1,
        flags: BEFORE_AUTH,
        hides: Some(hides_of_hello),
        run: Handler::Session(hello),
        ..BASE
    },
    CommandSpec {
        name: "auth",
        syntax: "[username] password",
        summary: "Authenticates the connection by its password",
        arity: -2,
        flags: BEFORE_AUTH,
        hides: Some(|_, index| index > 0),
        run: Handler::Session(auth),
        ..BASE
    },
    CommandSpec {
        name: "select",
        syntax: "index",
        summary: "Chooses the database",
        arity: 2,
        flags: &[Flag::Loading, Flag::Stale, Flag::Fast],
        run: Handler::Session(select),
        manners: &[Manner::SelectsDatabase],
        ..BASE
    },
    CommandSpec {
        name: "quit",
        syntax: "",
        summary: "Closes the connection",
        arity: -1,
        flags: BEFORE_AUTH,
        run: Handler::Session(quit),
        manners: &[Manner::RunsInMulti, Manner::RunsWhileListening],
        ..BASE
    },
    CommandSpec {
        name: "reset",
        syntax: "",
        summary: "Puts the connection back into the state of a new one",
        since: "6.2.0",
        arity: 1,
        flags: BEFORE_AUTH,
        run: Handler::Session(reset),
        manners: &[Manner::RunsInMulti, Manner::RunsWhileListening],
        ..BASE
    },
];

fn ping(caller: &mut Caller<'_>, call: &Call<'_>, reply: &mut Reply<'_>) -> Outcome {
    let session = &mut *caller.session;
    match call.arguments.len() {
        1 | 2 if session.only_listens() => {
            reply.array(2);
            reply.bulk(b"pong");
            reply.bulk(call.arguments.get(1).unwrap_or_default());
        }
        1 => reply.simple("PONG"),
        2 => reply.bulk(call.argument(1)),
        _ => return Err(CommandError::arity("ping").into()),
    }
    Ok(())
}

fn echo(_: &mut Caller<'_>, call: &Call<'_>, reply: &mut Reply<'_>) -> Outcome {
    reply.bulk(call.argument(1));
    Ok(())
}

fn hello(caller: &mut Caller<'_>, call: &Call<'_>, reply: &mut Reply<'_>) -> Outcome {
    let session = &mut *caller.session;
    let mut cursor = call.cursor(1);
    let mut protocol = None;
    if let Some(version) = cursor.next() {
        protocol = Some(match integer::parse(version) {
            Some(2) => Protocol::Resp2,
            Some(3) => Protocol::Resp3,
            Some(_) => return Err(CommandError::text("NOPROTO unsupported protocol version").into()),
            None => {
                return Err(
                    CommandError::text("ERR Protocol version is not an integer or out of range").into()
                );
            }
        });
    }
    let (mut name, mut credentials) = (None, None);
    while cursor.remaining() > 0 {
        if cursor.remaining() > 2 && cursor.take_word("auth") {
            let (user, password) = (cursor.required()?, cursor.required()?);
            credentials = Some((user, password));
        } else if cursor.remaining() > 1 && cursor.take_word("setname") {
            let wanted = cursor.required()?;
            check_printable(wanted, "Client names")?;
            name = Some(text(wanted));
        } else {
            let option = text(cursor.required()?);
            return Err(CommandError::new(format!("ERR Syntax error in HELLO option '{option}'")).into());
        }
    }
    if let Some((user, password)) = credentials {
        authenticate(caller.host, session, caller.place, (user, password), b"HELLO")?;
    }
    if session.must_authenticate(&caller.host.users) {
        return Err(CommandError::text(
            "NOAUTH HELLO must be called with the client already authenticated, otherwise the HELLO <proto> AUTH \
             <user> <pass> option can be used to authenticate the client and select the RESP protocol version at \
             the same time",
        ).into());
    }
    if let Some(name) = name {
        session.client.names.lock().name = name;
    }
    if let Some(protocol) = protocol {
        session.speak(protocol);
        reply.set_protocol(protocol);
    }
    reply.map(7);
    reply.bulk(b"server");
    reply.bulk(b"redis");
    reply.bulk(b"version");
    reply.bulk(super::admin::info::REDIS_VERSION.as_bytes());
    reply.bulk(b"proto");
    reply.integer(if session.protocol == Protocol::Resp3 { 3 } else { 2 });
    reply.bulk(b"id");
    reply.integer(session.client.id.cast_signed());
    reply.bulk(b"mode");
    reply.bulk(b"standalone");
    reply.bulk(b"role");
    reply.bulk(b"master");
    reply.bulk(b"modules");
    reply.array(0);
    Ok(())
}

const WRONG_PASSWORD: CommandError =
    CommandError::text("WRONGPASS invalid username-password pair or user is disabled.");

/// Makes the client the user `name`.
///
/// # Errors
/// There is no such user, it is off, or the password is wrong: the reply does not say which. `command` is what ACL LOG
/// shows.
fn authenticate(
    host: &Host,
    session: &mut Session,
    place: usize,
    (name, password): (&[u8], &[u8]),
    command: &[u8],
) -> Result<(), CommandError> {
    if session.identity.authenticate(&host.users, name, password) {
        session.client.names.lock().user = text(name);
        return Ok(());
    }
    let (object, user) = (command.to_vec(), name.to_vec());
    let denial = Denial {
        reason: Reason::Auth,
        context: DenialContext::TopLevel,
        object,
        user,
        client: String::new(),
    };
    note(host, &session.client, place, denial);
    Err(WRONG_PASSWORD)
}

/// Name and password behind AUTH are secret.
fn hides_of_hello(request: Arguments<'_>, index: usize) -> bool {
    let mut at = 2;
    while let Some(word) = request.get(at) {
        if word.eq_ignore_ascii_case(b"auth") && at + 2 < request.len() {
            if (at + 1..=at + 2).contains(&index) {
                return true;
            }
            at += 3;
        } else if word.eq_ignore_ascii_case(b"setname") {
            at += 2;
        } else {
            return false;
        }
    }
    false
}

fn auth(caller: &mut Caller<'_>, call: &Call<'_>, reply: &mut Reply<'_>) -> Outcome {
    let Caller { host, session, place, .. } = caller;
    let (user, password): (&[u8], _) = match call.arguments.len() {
        2 => (b"default", call.argument(1)),
        3 => (call.argument(1), call.argument(2)),
        _ => return Err(CommandError::SYNTAX.into()),
    };
    if call.arguments.len() == 2 && host.users.is_open() {
        return Err(CommandError::text(
            "ERR AUTH <password> called without any password configured for the default user. Are you sure your \
             configuration is correct?",
        ).into());
    }
    authenticate(host, session, *place, (user, password), b"AUTH")?;
    reply.ok();
    Ok(())
}

fn select(caller: &mut Caller<'_>, call: &Call<'_>, reply: &mut Reply<'_>) -> Outcome {
    let Caller { host, session, .. } = caller;
    let index = parse_integer(call.argument(1))?;
    let index = i32::try_from(index).map_err(|_| {
        CommandError::text("ERR value is out of range, value must between -2147483648 and 2147483647")
    })?;
    let database = u32::try_from(index).ok().filter(|&index| index < host.store.databases());
    session.select(database.ok_or(CommandError::text("ERR DB index is out of range"))?);
    reply.ok();
    Ok(())
}

fn quit(caller: &mut Caller<'_>, _: &Call<'_>, reply: &mut Reply<'_>) -> Outcome {
    *caller.next = NextStep::Close;
    reply.ok();
    Ok(())
}

fn reset(caller: &mut Caller<'_>, _: &Call<'_>, reply: &mut Reply<'_>) -> Outcome {
    let Caller { host, session, .. } = caller;
    session.end(host);
    session.select(0);
    session.speak(Protocol::Resp2);
    session.identity = Identity::unknown(&host.users);
    let user = session.identity.user().name_text();
    {
        let mut names = session.client.names.lock();
        (names.name, names.user) = (String::new(), user);
    }
    session.modes.replies = Replies::All;
    session.client.marks.set(Mark::NoEvict, false);
    session.client.marks.set(Mark::NoTouch, false);
    reply.set_protocol(Protocol::Resp2);
    reply.simple("RESET");
    Ok(())
}
