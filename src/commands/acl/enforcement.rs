//! What a change of users does to the connections there are. A request under way keeps the permissions it has passed with.

use super::log::Denial;
use super::patterns::ChannelName;
use super::permission::{Wanted, note};
use super::user::User;
use crate::commands::call::Call;
use crate::commands::spec::Caller;
use crate::commands::state::channels::Topic;
use crate::commands::state::client::Client;
use crate::commands::state::host::Host;
use crate::commands::state::session::NextStep;
use crate::config::Config;
use std::collections::BTreeSet;

/// Closes the connections of a user. The caller's own is closed behind its reply.
pub(super) fn disconnect(caller: &mut Caller<'_>, name: &[u8]) {
    let name = String::from_utf8_lossy(name);
    for client in caller.host.clients.all() {
        if client.names.lock().user == name {
            end(caller, &client);
        }
    }
}

fn end(caller: &mut Caller<'_>, client: &Client) {
    if client.id == caller.session.client.id {
        *caller.next = NextStep::Close;
    } else {
        caller.host.clients.end(client);
        caller.host.channels.forget(client);
    }
}

/// Applies the new permissions of a user to its connections that listen or wait. O(subscriptions and clients).
pub(super) fn apply(caller: &mut Caller<'_>, user: &User, config: &Config) {
    let name = user.name_text();
    let mut ended = BTreeSet::new();
    for topic in Topic::ALL {
        let named = if topic == Topic::Pattern { ChannelName::Pattern } else { ChannelName::Literal };
        caller.host.channels.for_each_subscription(topic, &mut |channel, client| {
            if client.names.lock().user == name && !user.may_listen(channel, named) {
                ended.insert(client.id);
            }
        });
    }
    for client in ended.iter().filter_map(|id| caller.host.clients.get(*id)) {
        end(caller, &client);
    }
    for client in caller.host.clients.all().iter().filter(|client| client.names.lock().user == name) {
        end_denied_wait(caller.host, client, user, config);
    }
}

/// Ends a client's wait with an error, if its user may not have what it waits for any more.
pub(in crate::commands) fn end_denied_wait(host: &Host, client: &Client, user: &User, config: &Config) {
    let Some(waiting) = client.waiting.lock().clone() else { return };
    let request = client.waiting_request.lock();
    let Some(request) = request.as_ref() else { return };
    let call = Call { arguments: request.words(), located: None, config, may_take_long: false };
    let Err(denied) = user.check(Wanted { place: request.place, call: &call }) else { return };
    let error = denied.error(user, request.place);
    if waiting.end(|reply| reply.error(&error.0))
        && let Some(denial) = Denial::of(&denied, request.place, user)
    {
        note(host, client, request.place, denial);
    }
}
