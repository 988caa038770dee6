//! FRIENDADD and FRIENDREM: friendships, each in the lists of both friends.

use crate::commands::call::Call;
use crate::commands::call::error::{CommandError, Outcome};
use crate::limits;
use crate::resp::reply::Reply;
use crate::store::{Members, Missing, Writer};

/// The key of a user's friends.
pub(super) fn friends_key(prefix: &str, user: &[u8]) -> Vec<u8> {
    [prefix.as_bytes(), user].concat()
}

/// The friend lists that a FRIENDADD or FRIENDREM touches: the user's and each friend's.
pub(super) fn keys(call: &Call<'_>, visit: &mut dyn FnMut(&[u8])) {
    for person in call.cursor(1) {
        visit(&friends_key(&call.config.friend_key_prefix, person));
    }
}

pub(super) fn friendadd(keys: &mut Writer<'_, '_>, call: &Call<'_>, reply: &mut Reply<'_>) -> Outcome {
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

pub(super) fn friendrem(keys: &mut Writer<'_, '_>, call: &Call<'_>, reply: &mut Reply<'_>) -> Outcome {
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
