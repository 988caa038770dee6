//! Friend ranking: a leaderboard of a user's friends in one command, and the friendships themselves.
//!
//! FRIENDRANK looks up every friend on the board, in prefetched batches, and sorts what is asked for. A friend list of up to
//! [`crate::limits::FRIENDS_AT_ONCE`] is ranked as a snapshot, under the locks of both keys. A longer one is ranked in steps, so
//! that no lock is held for long, and its result can be kept for MAXAGE.

mod answer;
mod friendships;
mod rank;
mod request;
mod standing;

use super::boards::join::GET_KEYS;
use super::spec::{CommandSpec, Flag, Group, Handler, KeyFlag, Keys};
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
        keys: Keys::Derived(friendships::keys),
        run: Handler::Write(friendships::friendadd),
        ..BASE
    },
    CommandSpec {
        name: "friendrem",
        syntax: "user friend [friend ...]",
        summary: "Ends friendships, in both directions at once",
        complexity: "O(1) for each friend",
        arity: -3,
        flags: &[Flag::Write],
        keys: Keys::Derived(friendships::keys),
        run: Handler::Write(friendships::friendrem),
        ..BASE
    },
];
