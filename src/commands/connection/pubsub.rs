//! Commands on channels: SUBSCRIBE, UNSUBSCRIBE and their forms for patterns and sharded channels, PUBLISH, SPUBLISH, PUBSUB.
//! [`crate::commands::state::channels`] delivers the messages.

use crate::commands::admin::help;
use crate::commands::call::Call;
use crate::commands::call::error::{CommandError, Outcome};
use crate::commands::spec::{Caller, ChannelArguments, CommandSpec, Flag, Group, Handler, Keys, Manner};
use crate::commands::state::channels::{ListenersByName, Topic};
use crate::resp::reply::Reply;
use crate::store::Basis;
use crate::text::glob::{Case, matches};

const BASE: CommandSpec = CommandSpec {
    group: Group::PubSub,
    since: "2.0.0",
    flags: &[Flag::Pubsub, Flag::Noscript, Flag::Loading, Flag::Stale],
    ..CommandSpec::BASE
};

const PUBSUB_BASE: CommandSpec =
    CommandSpec { since: "2.8.0", flags: &[Flag::Pubsub, Flag::Loading, Flag::Stale], ..BASE };

const LISTENING: &[Manner] = &[Manner::RunsWhileListening, Manner::RepliesByMessage];

pub(in crate::commands) const COMMANDS: &[CommandSpec] = &[
    CommandSpec {
        name: "subscribe",
        channels: ChannelArguments::All,
        syntax: "channel [channel ...]",
        summary: "Subscribes to channels",
        complexity: "O(N) for N channels",
        arity: -2,
        run: Handler::Session(subscribe),
        manners: LISTENING,
        ..BASE
    },
    CommandSpec {
        name: "unsubscribe",
        syntax: "[channel [channel ...]]",
        summary: "Ends subscriptions to channels, without arguments all of them",
        complexity: "O(N) for N channels",
        arity: -1,
        run: Handler::Session(unsubscribe),
        manners: LISTENING,
        ..BASE
    },
    CommandSpec {
        name: "psubscribe",
        channels: ChannelArguments::Patterns,
        syntax: "pattern [pattern ...]",
        summary: "Subscribes to all channels that match patterns",
        complexity: "O(N) for N patterns",
        arity: -2,
        run: Handler::Session(psubscribe),
        manners: LISTENING,
        ..BASE
    },
    CommandSpec {
        name: "punsubscribe",
        syntax: "[pattern [pattern ...]]",
        summary: "Ends subscriptions to patterns, without arguments all of them",
        complexity: "O(N) for N patterns",
        arity: -1,
        run: Handler::Session(punsubscribe),
        manners: LISTENING,
        ..BASE
    },
    CommandSpec {
        name: "publish",
        channels: ChannelArguments::First,
        syntax: "channel message",
        summary: "Sends a message to the subscribers of a channel and returns their number",
        complexity: "O(N + M) for N subscribers and M patterns of all clients",
        arity: 3,
        flags: &[Flag::Pubsub, Flag::Loading, Flag::Stale, Flag::Fast],
        run: Handler::Session(publish),
        manners: &[Manner::Publishes],
        ..BASE
    },
    CommandSpec {
        name: "ssubscribe",
        syntax: "shardchannel [shardchannel ...]",
        summary: "Subscribes to sharded channels",
        since: "7.0.0",
        complexity: "O(N) for N channels",
        arity: -2,
        keys: Keys::Channels { last: -1 },
        channels: ChannelArguments::All,
        run: Handler::Session(ssubscribe),
        manners: LISTENING,
        ..BASE
    },
    CommandSpec {
        name: "sunsubscribe",
        syntax: "[shardchannel [shardchannel ...]]",
        summary: "Ends subscriptions to sharded channels, without arguments all of them",
        since: "7.0.0",
        complexity: "O(N) for N channels",
        arity: -1,
        keys: Keys::Channels { last: -1 },
        run: Handler::Session(sunsubscribe),
        manners: LISTENING,
        ..BASE
    },
    CommandSpec {
        name: "spublish",
        syntax: "shardchannel message",
        summary: "Sends a message to the subscribers of a sharded channel and returns their number",
        since: "7.0.0",
        complexity: "O(N) for N subscribers",
        arity: 3,
        flags: &[Flag::Pubsub, Flag::Loading, Flag::Stale, Flag::Fast],
        keys: Keys::Channels { last: 0 },
        channels: ChannelArguments::First,
        run: Handler::Session(spublish),
        manners: &[Manner::Publishes],
        ..BASE
    },
    CommandSpec {
        name: "pubsub",
        syntax: "",
        summary: "Commands about channels",
        since: "2.8.0",
        complexity: "Depends on subcommand",
        arity: -2,
        flags: &[],
        subcommands: PUBSUB,
        ..BASE
    },
];

const PUBSUB: &[CommandSpec] = &[
    CommandSpec {
        name: "channels",
        syntax: "[pattern]",
        summary: "Returns the channels that have subscribers",
        complexity: "O(N) with N channels in use",
        arity: -2,
        run: Handler::Session(pubsub_channels),
        ..PUBSUB_BASE
    },
    CommandSpec {
        name: "numsub",
        syntax: "[channel [channel ...]]",
        summary: "Returns the number of subscribers of channels",
        complexity: "O(N) for N channels",
        arity: -2,
        run: Handler::Session(pubsub_numsub),
        ..PUBSUB_BASE
    },
    CommandSpec {
        name: "numpat",
        syntax: "",
        summary: "Returns the number of patterns that have subscribers",
        complexity: "O(1)",
        arity: 2,
        run: Handler::Session(pubsub_numpat),
        ..PUBSUB_BASE
    },
    CommandSpec {
        name: "shardchannels",
        syntax: "[pattern]",
        summary: "Returns the sharded channels that have subscribers",
        since: "7.0.0",
        arity: -2,
        run: Handler::Session(pubsub_shardchannels),
        ..PUBSUB_BASE
    },
    CommandSpec {
        name: "shardnumsub",
        syntax: "[shardchannel [shardchannel ...]]",
        summary: "Returns the number of subscribers of sharded channels",
        since: "7.0.0",
        complexity: "O(N) for N channels",
        arity: -2,
        run: Handler::Session(pubsub_shardnumsub),
        ..PUBSUB_BASE
    },
    CommandSpec {
        group: Group::PubSub,
        since: "6.2.0",
        run: Handler::Session(|_, _, reply| help::help("pubsub", reply)),
        ..help::HELP
    },
];

/// Subscribes to each argument.
fn join(caller: &mut Caller<'_>, call: &Call<'_>, reply: &mut Reply<'_>, topic: Topic) {
    let Caller { host, session, .. } = caller;
    call.cursor(1).for_each(|name| session.subscribe(host, topic, name, reply));
}

fn subscribe(caller: &mut Caller<'_>, call: &Call<'_>, reply: &mut Reply<'_>) -> Outcome {
    join(caller, call, reply, Topic::Channel);
    Ok(())
}

fn psubscribe(caller: &mut Caller<'_>, call: &Call<'_>, reply: &mut Reply<'_>) -> Outcome {
    join(caller, call, reply, Topic::Pattern);
    Ok(())
}

fn ssubscribe(caller: &mut Caller<'_>, call: &Call<'_>, reply: &mut Reply<'_>) -> Outcome {
    if matches!(caller.basis, Basis::Open(_)) {
        let why = "ERR SSUBSCRIBE isn't allowed for a DENY BLOCKING client";
        return Err(CommandError::text(why).into());
    }
    join(caller, call, reply, Topic::ShardChannel);
    Ok(())
}

fn unsubscribe(caller: &mut Caller<'_>, call: &Call<'_>, reply: &mut Reply<'_>) -> Outcome {
    leave(caller, call, reply, Topic::Channel);
    Ok(())
}

fn punsubscribe(caller: &mut Caller<'_>, call: &Call<'_>, reply: &mut Reply<'_>) -> Outcome {
    leave(caller, call, reply, Topic::Pattern);
    Ok(())
}

fn sunsubscribe(caller: &mut Caller<'_>, call: &Call<'_>, reply: &mut Reply<'_>) -> Outcome {
    leave(caller, call, reply, Topic::ShardChannel);
    Ok(())
}

/// Ends subscriptions and confirms each. Without names it ends all; if there are none, null is confirmed.
fn leave(caller: &mut Caller<'_>, call: &Call<'_>, reply: &mut Reply<'_>, topic: Topic) {
    let Caller { host, session, .. } = caller;
    let mut names: Vec<Box<[u8]>> = call.cursor(1).map(Into::into).collect();
    if names.is_empty() {
        names = session.subscriptions.of(topic).iter().cloned().collect();
    }
    for name in &names {
        session.unsubscribe(host, topic, name);
        session.confirm(topic, topic.unsubscribed(), Some(name), reply);
    }
    if names.is_empty() {
        session.confirm(topic, topic.unsubscribed(), None, reply);
    }
}

fn publish(caller: &mut Caller<'_>, call: &Call<'_>, reply: &mut Reply<'_>) -> Outcome {
    let Caller { host, basis, .. } = caller;
    reply.count(host.channels.publish(call.argument(1), call.argument(2), basis));
    host.process.send_to_replicas(&[b"PUBLISH", call.argument(1), call.argument(2)]);
    Ok(())
}

fn spublish(caller: &mut Caller<'_>, call: &Call<'_>, reply: &mut Reply<'_>) -> Outcome {
    let Caller { host, basis, .. } = caller;
    reply.count(host.channels.publish_sharded(call.argument(1), call.argument(2), basis));
    host.process.send_to_replicas(&[b"SPUBLISH", call.argument(1), call.argument(2)]);
    Ok(())
}

/// The pattern of CHANNELS or SHARDCHANNELS, if there is one.
fn only_pattern<'c>(call: &Call<'c>) -> Result<Option<&'c [u8]>, CommandError> {
    let mut pattern = call.cursor(1);
    match (pattern.next(), pattern.remaining()) {
        (pattern, 0) => Ok(pattern),
        _ => Err(help::unknown_subcommand_or_arity("pubsub", call.argument(0))),
    }
}

fn pubsub_channels(caller: &mut Caller<'_>, call: &Call<'_>, reply: &mut Reply<'_>) -> Outcome {
    list(&caller.host.channels.channels, call, reply)
}

fn pubsub_shardchannels(caller: &mut Caller<'_>, call: &Call<'_>, reply: &mut Reply<'_>) -> Outcome {
    list(&caller.host.channels.shard_channels, call, reply)
}

/// The names of the channels that have subscribers, or those of them that match a pattern.
fn list(channels: &ListenersByName, call: &Call<'_>, reply: &mut Reply<'_>) -> Outcome {
    let pattern = only_pattern(call)?;
    let is_asked_for = |name: &[u8]| pattern.is_none_or(|pattern| matches(pattern, name, Case::Sensitive));
    let names = channels.iter().map(|entry| entry.key().clone());
    let names: Vec<Box<[u8]>> = names.filter(|name| is_asked_for(name)).collect();
    reply.array(names.len());
    names.iter().for_each(|name| reply.bulk(name));
    Ok(())
}

fn pubsub_numsub(caller: &mut Caller<'_>, call: &Call<'_>, reply: &mut Reply<'_>) -> Outcome {
    count(&caller.host.channels.channels, call, reply);
    Ok(())
}

fn pubsub_shardnumsub(caller: &mut Caller<'_>, call: &Call<'_>, reply: &mut Reply<'_>) -> Outcome {
    count(&caller.host.channels.shard_channels, call, reply);
    Ok(())
}

/// Each channel with the number of its subscribers.
fn count(channels: &ListenersByName, call: &Call<'_>, reply: &mut Reply<'_>) {
    let names = call.cursor(1);
    reply.array(names.remaining() * 2);
    for name in names {
        reply.bulk(name);
        reply.count(channels.get(name).map_or(0, |clients| clients.len()));
    }
}

fn pubsub_numpat(caller: &mut Caller<'_>, _: &Call<'_>, reply: &mut Reply<'_>) -> Outcome {
    let host = caller.host;
    reply.count(host.channels.len().1);
    Ok(())
}
