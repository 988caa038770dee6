//! Friend ranking: a leaderboard of a user's friends in one command, and the friendships themselves.
//!
//! FRIENDRANK looks up every friend on the board, in prefetched batches, and sorts what is asked for. A friend list of up to
//! [`limits::FRIENDS_AT_ONCE`] is ranked as a snapshot, under the locks of both keys. A longer one is ranked in steps, so
//! that no lock is held for long, and its result can be kept for MAXAGE.

mod answer;
mod rank;
mod request;
mod standing;

use super::boards::join::GET_KEYS;
use super::call::Call;
use super::call::error::{CommandError, Outcome};
use super::spec::{CommandSpec, Flag, Group, Handler, KeyFlag, Keys};
use crate::limits;
use crate::resp::reply::Reply;
use crate::store::{Members, Missing, Writer};

pub use standing::FriendRankings;

const BASE: CommandSpec = CommandSpec { group: Group::Friends, since: "0.1.0", ..CommandSpec::BASE };

pub(super) const COMMANDS: &[CommandSpec] = &[
    CommandSpec {
        name: "friendrank",
        syntax: "board user [FRIENDS key | MEMBERS count member [member ...]] [TOP n | AROUND n | SELF] [ASC] \
                 [MODE <ROW | COMPETITION | DENSE>] [NOSELF] [WITHGLOBAL] [WITHPERCENTILE] [WITHUNRANKED] \
                 [GET pattern [GET pattern ...]] [MAXAGE ms]",
        summary: "Ranks a user and the user's friends by their scores on a board",
        complexity: "O(F) with F friends, and sorting what is returned",
        arity: -3,
        flags: &[Flag::Readonly],
        keys: Keys::WithDerived {
            declared: &Keys::Range { first: 1, last: 0, access: &[KeyFlag::Ro, KeyFlag::Access] },
            derived: request::friend_list,
            unknown: &[GET_KEYS],
        },
        run: Handler::OwnLocks(rank::friendrank),
        ..BASE
    },
    CommandSpec {
        name: "friendadd",
        syntax: "user friend [friend ...]",
        summary: "Makes friends, in both directions at once",
        complexity: "O(1) for each friend",
        arity: -3,
        flags: &[Flag::Write, Flag::Denyoom],
        keys: Keys::Derived(friendship_keys),
        run: Handler::Write(friendadd),
        ..BASE
    },
    CommandSpec {
        name: "friendrem",
        syntax: "user friend [friend ...]",
        summary: "Ends friendships, in both directions at once",
        complexity: "O(1) for each friend",
        arity: -3,
        flags: &[Flag::Write],
        keys: Keys::Derived(friendship_keys),
        run: Handler::Write(friendrem),
        ..BASE
    },
];

/// The key of a user's friends.
fn friends_key(prefix: &str, user: &[u8]) -> Vec<u8> {
    [prefix.as_bytes(), user].concat()
}

/// The friend lists that a FRIENDADD or FRIENDREM touches: the user's and each friend's.
fn friendship_keys(call: &Call<'_>, visit: &mut dyn FnMut(&[u8])) {
    for person in call.cursor(1) {
        visit(&friends_key(&call.config.friend_key_prefix, person));
    }
}

fn friendadd(keys: &mut Writer<'_, '_>, call: &Call<'_>, reply: &mut Reply<'_>) -> Outcome {
    let user = call.argument(1);
    let copied_bytes: usize = call.cursor(2).map(|friend| friend.len() + user.len()).sum();
    if copied_bytes > limits::FRIENDSHIP_BYTES {
        return Err(CommandError::text(
            "ERR the names of these friendships take more than 64 MiB, make fewer at a time",
        )
        .into());
    }
    check_friend_lists(keys, call)?;
    let (prefix, bounds) = (&call.config.friend_key_prefix, call.config.set_bounds);
    let own_key = friends_key(prefix, user);
    let mut new_friendships = 0;
    for friend in call.cursor(2) {
        if friend == user {
            continue;
        }
        let friend_key = friends_key(prefix, friend);
        let one =
            keys.edit::<Members, _>(&own_key, Missing::Create, "sadd", |set| set.insert(friend, bounds))?;
        let other =
            keys.edit::<Members, _>(&friend_key, Missing::Create, "sadd", |set| set.insert(user, bounds))?;
        // A friendship that was only one-way counts as new.
        new_friendships += usize::from(one == Some(true) || other == Some(true));
    }
    reply.count(new_friendships);
    Ok(())
}

fn friendrem(keys: &mut Writer<'_, '_>, call: &Call<'_>, reply: &mut Reply<'_>) -> Outcome {
    check_friend_lists(keys, call)?;
    let prefix = &call.config.friend_key_prefix;
    let user = call.argument(1);
    let own_key = friends_key(prefix, user);
    let mut ended_friendships = 0;
    for friend in call.cursor(2) {
        let friend_key = friends_key(prefix, friend);
        let one = keys.edit::<Members, _>(&own_key, Missing::Skip, "srem", |set| set.remove(friend))?;
        let other = keys.edit::<Members, _>(&friend_key, Missing::Skip, "srem", |set| set.remove(user))?;
        ended_friendships += usize::from(one == Some(true) || other == Some(true));
    }
    reply.count(ended_friendships);
    Ok(())
}

/// Checks the types of all lists before any is changed, so that an error changes nothing.
fn check_friend_lists(keys: &Writer<'_, '_>, call: &Call<'_>) -> Result<(), CommandError> {
    let reader = keys.reader();
    for person in call.cursor(1) {
        reader.get::<Members>(&friends_key(&call.config.friend_key_prefix, person))?;
    }
    Ok(())
}
