//! GEOADD: a ZADD whose scores are positions.

use super::geohash::GeoPoint;
use super::{BASE, parse_point};
use crate::commands::call::Call;
use crate::commands::call::error::{CommandError, Outcome};
use crate::commands::sorted_sets::update::{Counted, put_scores};
use crate::commands::spec::{CommandSpec, Flag, Handler, KeyFlag, Keys, Lookahead};
use crate::ranking::{Aim, Score};
use crate::resp::double;
use crate::resp::reply::Reply;
use crate::resp::request::Arguments;
use crate::store::{Board, Conditions, HasPolicy, Missing, Value, Writer};
use smallvec::SmallVec;

pub(in crate::commands) const COMMANDS: &[CommandSpec] = &[CommandSpec {
    name: "geoadd",
    syntax: "key [NX | XX] [CH] longitude latitude member [longitude latitude member ...]",
    summary: "Gives members positions, adding those that are new",
    complexity: "O(log N) for each member",
    arity: -5,
    flags: &[Flag::Write, Flag::Denyoom],
    keys: Keys::first(&[KeyFlag::Rw, KeyFlag::Update]),
    lookahead: Some(Lookahead::Value(load_ahead)),
    run: Handler::Write(geoadd),
    ..BASE
}];

/// As of Redis 8.2: every position is read before the key's type is checked and before anything is changed.
fn geoadd(keys: &mut Writer<'_, '_>, call: &Call<'_>, reply: &mut Reply<'_>) -> Outcome {
    let mut conditions = Conditions::default();
    let mut counted = Counted::Added;
    let mut cursor = call.cursor(2);
    loop {
        if cursor.take_word("nx") {
            conditions.only_new = true;
        } else if cursor.take_word("xx") {
            conditions.only_present = true;
        } else if cursor.take_word("ch") {
            counted = Counted::Changed;
        } else {
            break;
        }
    }
    let are_whole = cursor.remaining() > 0 && cursor.remaining().is_multiple_of(3);
    if !are_whole || (conditions.only_new && conditions.only_present) {
        return Err(CommandError::SYNTAX.into());
    }
    let mut entries: SmallVec<[(&[u8], Score); 8]> = SmallVec::new();
    while cursor.remaining() > 0 {
        let score = parse_point(&mut cursor)?.score();
        entries.push((cursor.required()?, score));
    }
    let missing = if conditions.only_present { Missing::Skip } else { Missing::Create };
    let count = keys.edit::<Board, _>(call.argument(1), missing, "zadd", |board| match board.plain() {
        Some(plain) => Ok(put_scores(plain, entries.iter().copied(), conditions, counted)),
        None => Err(HasPolicy),
    })?;
    reply.count(count.transpose()?.unwrap_or(0));
    Ok(())
}

/// Loads what requests of one member each will touch.
fn load_ahead(value: &Value, requests: &[Arguments<'_>]) {
    let Value::SortedSet(board) = value else { return };
    let updates = requests.iter().filter(|request| request.len() == 5).filter_map(|request| {
        let degrees = |place| request.get(place).and_then(double::parse);
        let point = GeoPoint { longitude: degrees(2)?, latitude: degrees(3)? };
        let aim = Aim::Score(point.is_on_map().then(|| point.score())?);
        Some((request.get(4)?, aim))
    });
    Board::prefetch_updates(board, updates);
}
