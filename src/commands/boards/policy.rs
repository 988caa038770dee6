//! LB.CREATE, LB.ALTER and LB.INFO: the policy of a board.

use crate::commands::call::Call;
use crate::commands::call::error::{CommandError, Outcome};
use crate::commands::spec::{CommandSpec, Flag, Group, Handler, KeyFlag, Keys};
use crate::resp::reply::Reply;
use crate::store::{Board, Creation, Missing, PolicyWords, Reader, ScoreType, SubmitError, Writer};

const BASE: CommandSpec = CommandSpec { group: Group::Boards, since: "0.1.0", ..CommandSpec::BASE };

const fn one_key(access: &'static [KeyFlag]) -> Keys {
    Keys::Range { first: 1, last: 0, access }
}

pub(in crate::commands) const COMMANDS: &[CommandSpec] = &[
    CommandSpec {
        name: "lb.create",
        syntax: "key [SCORE <FLOAT | INTEGER | DECIMAL digits>] [ORDER <DESC | ASC>] [TIES <MEMBER | FIRST>] \
                 [KEEP <LATEST | BEST | SUM>] [CAP n] [RANGE min max [SATURATE]] [TTL seconds] [IDS n]",
        summary: "Makes an empty board with a policy",
        complexity: "O(1)",
        arity: -2,
        flags: &[Flag::Write, Flag::Denyoom, Flag::Fast],
        keys: one_key(&[KeyFlag::Rw, KeyFlag::Insert]),
        run: Handler::Write(create),
        ..BASE
    },
    CommandSpec {
        name: "lb.alter",
        syntax: "key [KEEP <LATEST | BEST | SUM>] [CAP n] [RANGE min max [SATURATE]] [TTL seconds] [IDS n]",
        summary: "Changes the parts of a board's policy that need no rewriting",
        complexity: "O(1), or O(log N + M) with M members beyond a lower CAP",
        arity: -3,
        flags: &[Flag::Write],
        keys: one_key(&[KeyFlag::Rw, KeyFlag::Update]),
        run: Handler::Write(alter),
        ..BASE
    },
    CommandSpec {
        name: "lb.info",
        syntax: "key",
        summary: "Returns the policy of a board, and what the board remembers",
        complexity: "O(1)",
        arity: 2,
        flags: &[Flag::Readonly, Flag::Fast],
        keys: one_key(&[KeyFlag::Ro, KeyFlag::Access]),
        run: Handler::Read(info),
        ..BASE
    },
];

fn create(keys: &mut Writer<'_, '_>, call: &Call<'_>, reply: &mut Reply<'_>) -> Outcome {
    let policy = PolicyWords::parse(call.cursor(2)).and_then(|words| words.policy());
    let policy = policy.map_err(CommandError::from)?;
    match keys.create_board(call.argument(1), policy)? {
        Creation::Made => reply.integer(1),
        Creation::Stands => reply.integer(0),
        Creation::Differs => return Err(CommandError::text("ERR the key exists with another policy").into()),
    }
    Ok(())
}

fn alter(keys: &mut Writer<'_, '_>, call: &Call<'_>, reply: &mut Reply<'_>) -> Outcome {
    let key = call.argument(1);
    let words = PolicyWords::parse(call.cursor(2)).map_err(CommandError::from)?;
    let altered = keys.edit::<Board, _>(key, Missing::Skip, None, |board| {
        let rules = board.rules().ok_or(super::NO_POLICY)?;
        if board.is_closed() {
            return Err(SubmitError::Closed.into());
        }
        let before = rules.policy;
        let policy = words.altered(before)?;
        if !board.alter(policy) {
            return Err(CommandError::text("ERR the score of a member is outside the range"));
        }
        let ends_at_ms = board.rules().and_then(|rules| rules.ends_at_ms());
        Ok((before.ttl_s != policy.ttl_s).then_some(ends_at_ms))
    })?;
    if let Some(ends_at_ms) = altered.transpose()?.ok_or(super::NO_POLICY)? {
        keys.set_expiry(key, ends_at_ms);
    }
    reply.ok();
    Ok(())
}

fn info(keys: Reader<'_>, call: &Call<'_>, reply: &mut Reply<'_>) -> Outcome {
    let Some(board) = keys.get::<Board>(call.argument(1))? else {
        reply.null();
        return Ok(());
    };
    let policy = board.policy();
    let sum = board.sum();
    reply.map(12 + usize::from(sum.is_some()));
    let mut word = |name: &str, value: &str| {
        reply.bulk(name.as_bytes());
        reply.bulk(value.as_bytes());
    };
    word("score", &policy.score.to_string());
    word("order", policy.best.word());
    word("ties", policy.ties.word());
    word("keep", policy.keep.word());
    word("range", &policy.range.map_or_else(|| "NONE".to_owned(), |range| range.to_string()));
    let mut number = |name: &str, value: u64| {
        reply.bulk(name.as_bytes());
        reply.integer(i64::try_from(value).unwrap_or(i64::MAX));
    };
    number("cap", policy.cap.map_or(0, |cap| cap.get()));
    number("ttl", policy.ttl_s.map_or(0, |ttl| ttl.get()));
    number("ids", policy.ids.into());
    number("members", board.len() as u64);
    let rules = board.rules();
    number("kept-ids", rules.map_or(0, |rules| rules.ids.len() as u64));
    number("created-ms", rules.map_or(0, |rules| rules.created_ms));
    reply.bulk(b"closed-from");
    match rules.and_then(|rules| rules.closed_from.as_ref()) {
        Some(key) => reply.bulk(key),
        None => reply.null(),
    }
    if let (Some(sum), ScoreType::Exact { digits }) = (sum, policy.score) {
        reply.bulk(b"sum");
        reply.bulk(wide_text(sum, digits).as_bytes());
    }
    Ok(())
}

/// A sum of exact scores, which can be longer than a score.
fn wide_text(units: i128, digits: u8) -> String {
    let scale = 10u128.pow(digits.into());
    let (sign, magnitude) = (if units < 0 { "-" } else { "" }, units.unsigned_abs());
    if digits == 0 {
        return units.to_string();
    }
    format!("{sign}{}.{:0width$}", magnitude / scale, magnitude % scale, width = digits.into())
}
