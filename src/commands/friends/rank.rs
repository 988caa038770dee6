//! FRIENDRANK: gather the friends, look up their scores, sort what is asked for.

use super::answer::{Globals, Ranker};
use super::request::{FriendSource, Request};
use super::standing::{KeptKey, Name, Row, RowScore, Standing};
use crate::commands::call::Call;
use crate::commands::call::error::{CommandError, Outcome, Stop};
use crate::commands::spec::AllKeys;
use crate::commands::state::kept::Begun;
use crate::limits;
use crate::ranking::Order;
use crate::resp::reply::Reply;
use crate::store::{Board, Looking, Reader, Shards, Value};
use std::sync::Arc;

const NANOSECONDS_PER_MS: u64 = 1_000_000;

/// FRIENDRANK: docs/friendrank.md has the contract.
pub(super) fn friendrank(keys: &mut AllKeys<'_, '_>, call: &Call<'_>, reply: &mut Reply<'_>) -> Outcome {
    let AllKeys { host, session, shards } = keys;
    let request = Request::parse(call)?;
    let ranker = Ranker { host, shards, database: session.database, request: &request };
    // Taken before the first read: an answer is as old as its oldest part.
    let begun = || Begun { flushes: host.store.flushes(), at_ns: host.clock.monotonic_ns() };
    let kept_as = ranker.kept_key().map(|key| (key, begun()));
    if let (Some((key, begun)), Some(max_age_ms)) = (&kept_as, request.max_age_ms) {
        let at_ns = begun.at_ns.saturating_sub(max_age_ms.saturating_mul(NANOSECONDS_PER_MS));
        if let Some(standing) = host.friend_rankings.get(key, Begun { at_ns, ..*begun }) {
            shards.rest_on(standing.rests_on);
            ranker.answer_sorted(&standing, reply);
            return Ok(());
        }
    }
    let hold = ranker.look_at_both();
    let reader = hold.reader(session.database);
    let board = reader.get::<Board>(request.board)?;
    let has_board = board.is_some();
    let friends = ranker.count_friends(reader)?;
    if friends <= limits::FRIENDS_AT_ONCE {
        let mut standing = Standing::with_room_for(friends + 1);
        ranker.gather_at_once(reader, &mut standing)?;
        look_up_from(board, &mut standing, 0, &request);
        let answer = ranker.prepare(&mut standing, Globals::Held(board));
        drop(hold);
        ranker.write(&standing, &answer, reply);
        return Ok(());
    }
    drop(hold);
    if !call.may_take_long {
        return Err(Stop::TakesLong);
    }
    let mut standing = Standing::default();
    ranker.gather_in_steps(&mut standing)?;
    ranker.look_up_in_steps(&mut standing)?;
    match kept_as.filter(|_| has_board) {
        None => {
            let answer = ranker.prepare(&mut standing, Globals::InSteps);
            ranker.write(&standing, &answer, reply);
        }
        Some((key, begun)) => {
            standing.sort();
            standing.ranked.shrink_to_fit();
            standing.unranked.shrink_to_fit();
            standing.names.shrink_to_fit();
            standing.rests_on = shards.rests_on();
            let bytes = standing.bytes() + key.bytes();
            let standing = Arc::new(standing);
            host.friend_rankings.put(key, Arc::clone(&standing), bytes, begun);
            ranker.answer_sorted(&standing, reply);
        }
    }
    Ok(())
}

impl Ranker<'_, '_> {
    /// The key under which the answer is kept; `None` if it is not kept.
    fn kept_key(&self) -> Option<KeptKey> {
        let FriendSource::Key(friends) = &self.request.source else { return None };
        self.request.max_age_ms.filter(|&age_ms| age_ms > 0)?;
        if matches!(self.shards, Shards::Held(_)) {
            // The answer would hold changes of a transaction that has not ended, whose record has no number yet.
            return None;
        }
        Some(KeptKey {
            database: self.database,
            board: self.request.board.into(),
            friends: friends.as_slice().into(),
            user: self.request.with_self.then(|| self.request.user.into()),
            is_ascending: self.request.is_ascending,
        })
    }

    /// Read locks on the board and on the friend list.
    fn look_at_both(&self) -> Looking<'_> {
        let store = &self.host.store;
        let mut shards = vec![store.shard_of(self.request.board)];
        if let FriendSource::Key(friends) = &self.request.source {
            shards.push(store.shard_of(friends));
        }
        shards.sort_unstable();
        shards.dedup();
        self.shards.look(&shards)
    }

    fn count_friends(&self, reader: Reader<'_>) -> Result<usize, CommandError> {
        match &self.request.source {
            FriendSource::Members(members) => Ok(members.clone().count()),
            FriendSource::Key(key) => match reader.value(key) {
                None => Ok(0),
                Some(Value::Set(members)) => Ok(members.len()),
                Some(Value::SortedSet(names)) => Ok(names.len()),
                Some(_) => Err(CommandError::WRONG_TYPE),
            },
        }
    }

    fn gather_at_once(&self, reader: Reader<'_>, standing: &mut Standing) -> Outcome {
        match &self.request.source {
            FriendSource::Members(_) => self.gather_arguments(standing),
            FriendSource::Key(key) => {
                self.gather_step(reader, key, 0, usize::MAX, standing)?;
                self.add_self(standing)
            }
        }
    }

    fn gather_in_steps(&self, standing: &mut Standing) -> Outcome {
        let FriendSource::Key(key) = &self.request.source else { return self.gather_arguments(standing) };
        let mut cursor = 0;
        loop {
            let hold = self.look_at(key);
            cursor = self.gather_step(
                hold.reader(self.database),
                key,
                cursor,
                limits::MEMBERS_PER_LOCK,
                standing,
            )?;
            if cursor == 0 {
                return self.add_self(standing);
            }
        }
    }

    /// Adds about `count` friends from `cursor` on, without the user, who is added at the end. If one step takes all friends
    /// they are visited in the order in which they are stored, which costs less than a scan.
    fn gather_step(
        &self,
        reader: Reader<'_>,
        key: &[u8],
        cursor: u64,
        count: usize,
        standing: &mut Standing,
    ) -> Result<u64, CommandError> {
        let (mut result, mut digits) = (Ok(()), itoa::Buffer::new());
        let mut add = |name: &[u8]| {
            if name != self.request.user && result.is_ok() {
                result = standing.add(name);
            }
        };
        let takes_all = |friends: usize| cursor == 0 && friends <= count;
        let next = match reader.value(key) {
            Some(Value::Set(members)) if takes_all(members.len()) => {
                members.iter().for_each(|name| add(name.bytes(&mut digits)));
                0
            }
            Some(Value::SortedSet(names)) if takes_all(names.len()) => {
                names.visit(0..names.len(), Order::Ascending, |name, _| add(name));
                0
            }
            Some(Value::Set(members)) => members.scan(cursor, count, |name| add(name.bytes(&mut digits))),
            Some(Value::SortedSet(names)) => names.scan(cursor, count, |name, _| add(name)),
            Some(_) => return Err(CommandError::WRONG_TYPE),
            None => 0,
        };
        result.map(|()| next)
    }

    /// Adds the friends that are arguments. A name that is repeated is one row.
    fn gather_arguments(&self, standing: &mut Standing) -> Outcome {
        let FriendSource::Members(members) = &self.request.source else { return Ok(()) };
        let mut names: Vec<&[u8]> = members.clone().filter(|name| *name != self.request.user).collect();
        names.sort_unstable();
        names.dedup();
        for name in names {
            standing.add(name)?;
        }
        self.add_self(standing)
    }

    fn add_self(&self, standing: &mut Standing) -> Outcome {
        if self.request.with_self {
            standing.add(self.request.user)?;
        }
        Ok(())
    }

    fn look_up_in_steps(&self, standing: &mut Standing) -> Outcome {
        let everyone = std::mem::take(&mut standing.unranked);
        standing.ranked.reserve(everyone.len());
        for names in everyone.chunks(limits::MEMBERS_PER_LOCK) {
            standing.unranked.extend_from_slice(names);
            let hold = self.look_at(self.request.board);
            let board = hold.reader(self.database).get::<Board>(self.request.board)?;
            let from = standing.unranked.len() - names.len();
            look_up_from(board, standing, from, self.request);
        }
        Ok(())
    }
}

/// Moves those of `unranked[from..]` who have a score on `board` to `ranked`.
fn look_up_from(board: Option<&Board>, standing: &mut Standing, from: usize, request: &Request<'_>) {
    let Some(board) = board else { return };
    let best = board.policy().best;
    standing.score = board.score_type();
    standing.order = if request.is_ascending { Order::Ascending } else { best.first() };
    let Standing { names, ranked, unranked, own, .. } = standing;
    let bytes = |name: Name| &names[name.start as usize..(name.start + name.len) as usize];
    let asked = unranked.split_off(from);
    let mut next = asked.iter();
    board.each_attained(asked.iter().map(|name| bytes(*name)), |attained| {
        let name = *next.next().expect("a score for each name that was asked about");
        match attained {
            Some(attained) => {
                let (score, tie) = (RowScore::of(attained.points), best.tie(attained.moment));
                let row = Row { score, tie, name };
                if bytes(name) == request.user {
                    *own = Some(row);
                }
                ranked.push(row);
            }
            None => unranked.push(name),
        }
    });
}
