//! Lists of clients, and which of them end.

use crate::commands::acl::Users;
use crate::commands::call::error::{CommandError, Outcome};
use crate::commands::call::{Call, text};
use crate::commands::spec::Caller;
use crate::commands::spec::table::table;
use crate::commands::state::client::Client;
use crate::commands::state::marks::Mark;
use crate::commands::state::peer::PeerAddress;
use crate::commands::state::session::NextStep;
use crate::resp::integer;
use crate::resp::reply::Reply;
use std::sync::atomic::Ordering;

fn command_name(place: usize) -> String {
    table().entries()[place].full_name.clone()
}

/// Whether a client is of a type that LIST and KILL know.
type IsOfType = fn(&Client) -> bool;

fn client_type(name: &[u8]) -> Result<IsOfType, CommandError> {
    match name.to_ascii_lowercase().as_slice() {
        b"normal" => Ok(|client| {
            !client.is_subscribed() && !client.marks.has(Mark::Replica) && !client.marks.has(Mark::Master)
        }),
        b"pubsub" => Ok(Client::is_subscribed),
        b"replica" | b"slave" => Ok(|client| client.marks.has(Mark::Replica)),
        b"master" => Ok(|client| client.marks.has(Mark::Master)),
        _ => Err(CommandError::new(format!("ERR Unknown client type '{}'", text(name)))),
    }
}

/// Notes what the caller's own line shows of the command that makes it.
fn note_caller(caller: &Caller<'_>, call: &Call<'_>) {
    let client = &caller.session.client;
    client.note_command(caller.place);
    // The command's name is not among the arguments.
    let name = command_name(caller.place);
    let container = name.find('|').unwrap_or(0);
    let bytes = container + call.arguments.iter().map(<[u8]>::len).sum::<usize>();
    client.argument_bytes.store(bytes, Ordering::Relaxed);
}

pub(super) fn client_info(caller: &mut Caller<'_>, call: &Call<'_>, reply: &mut Reply<'_>) -> Outcome {
    note_caller(caller, call);
    let client = &caller.session.client;
    reply.verbatim(&(client.line(caller.host.clock.now_ms(), command_name) + "\n"));
    client.argument_bytes.store(0, Ordering::Relaxed);
    Ok(())
}

pub(super) fn client_list(caller: &mut Caller<'_>, call: &Call<'_>, reply: &mut Reply<'_>) -> Outcome {
    let mut cursor = call.cursor(1);
    let mut ids: Option<Vec<i64>> = None;
    let mut is_of_type: IsOfType = |_| true;
    if cursor.remaining() == 2 && cursor.take_word("type") {
        is_of_type = client_type(cursor.required()?)?;
    } else if cursor.remaining() > 1 && cursor.take_word("id") {
        let wanted: Option<Vec<i64>> = cursor.map(integer::parse).collect();
        ids = Some(wanted.ok_or(CommandError::text("ERR Invalid client ID"))?);
    } else if cursor.remaining() > 0 {
        return Err(CommandError::SYNTAX.into());
    }
    note_caller(caller, call);
    let now_ms = caller.host.clock.now_ms();
    let mut lines = String::new();
    for client in caller.host.clients.all() {
        if is_of_type(&client) && ids.as_ref().is_none_or(|ids| ids.contains(&client.id.cast_signed())) {
            lines += &client.line(now_ms, command_name);
            lines.push('\n');
        }
    }
    caller.session.client.argument_bytes.store(0, Ordering::Relaxed);
    reply.verbatim(&lines);
    Ok(())
}

/// Which clients KILL ends: those that fit all of these.
struct KillFilter {
    id: Option<u64>,
    address: Option<String>,
    local_address: Option<String>,
    user: Option<String>,
    is_of_type: IsOfType,
    least_age_s: u64,
    skips_caller: bool,
}

impl KillFilter {
    /// Reads the filters, or in the old form an address alone.
    fn read(call: &Call<'_>, users: &Users) -> Result<Self, CommandError> {
        let mut filter = Self {
            id: None,
            address: None,
            local_address: None,
            user: None,
            is_of_type: |_| true,
            least_age_s: 0,
            skips_caller: true,
        };
        let mut cursor = call.cursor(1);
        if cursor.remaining() == 1 {
            filter.address = Some(text(cursor.required()?));
            filter.skips_caller = false;
        }
        while cursor.remaining() > 0 {
            if cursor.remaining() == 1 {
                return Err(CommandError::SYNTAX);
            }
            if cursor.take_word("id") {
                let id = integer::parse(cursor.required()?).filter(|id| *id > 0);
                let id = id.ok_or(CommandError::text("ERR client-id should be greater than 0"))?;
                filter.id = Some(id.cast_unsigned());
            } else if cursor.take_word("maxage") {
                let age_s = integer::parse(cursor.required()?);
                let age_s =
                    age_s.ok_or(CommandError::text("ERR maxage is not an integer or out of range"))?;
                let is_positive = age_s > 0;
                if !is_positive {
                    return Err(CommandError::text("ERR maxage should be greater than 0"));
                }
                filter.least_age_s = age_s.cast_unsigned();
            } else if cursor.take_word("type") {
                filter.is_of_type = client_type(cursor.required()?)?;
            } else if cursor.take_word("addr") {
                filter.address = Some(text(cursor.required()?));
            } else if cursor.take_word("laddr") {
                filter.local_address = Some(text(cursor.required()?));
            } else if cursor.take_word("user") {
                let user = cursor.required()?;
                if !users.has(user) {
                    return Err(CommandError::new(format!("ERR No such user '{}'", text(user))));
                }
                filter.user = Some(text(user));
            } else if cursor.take_word("skipme") {
                filter.skips_caller = cursor.take_word("yes");
                if !filter.skips_caller && !cursor.take_word("no") {
                    return Err(CommandError::SYNTAX);
                }
            } else {
                return Err(CommandError::SYNTAX);
            }
        }
        Ok(filter)
    }

    fn fits(&self, client: &Client, now_ms: u64) -> bool {
        let is_at = |wanted: &Option<String>, address: &PeerAddress| {
            wanted.as_ref().is_none_or(|wanted| *wanted == address.to_string())
        };
        self.id.is_none_or(|id| id == client.id)
            && is_at(&self.address, &client.peer.address)
            && is_at(&self.local_address, &client.peer.local_address)
            && self.user.as_ref().is_none_or(|user| *user == client.names.lock().user)
            && (self.is_of_type)(client)
            && now_ms.saturating_sub(client.connected_ms) / 1000 >= self.least_age_s
    }
}

/// Ends clients. The caller itself ends behind the reply.
pub(super) fn client_kill(caller: &mut Caller<'_>, call: &Call<'_>, reply: &mut Reply<'_>) -> Outcome {
    let Caller { host, session, next, .. } = caller;
    let filter = KillFilter::read(call, &host.users)?;
    let now_ms = host.clock.now_ms();
    let mut killed = 0;
    for client in host.clients.all().iter().filter(|client| filter.fits(client, now_ms)) {
        if client.id != session.client.id {
            host.clients.end(client);
            host.channels.forget(client);
        } else if filter.skips_caller {
            continue;
        } else {
            **next = NextStep::Close;
        }
        killed += 1;
    }
    match call.arguments.len() {
        2 if killed == 0 => return Err(CommandError::text("ERR No such client").into()),
        2 => reply.ok(),
        _ => reply.count(killed),
    }
    Ok(())
}
