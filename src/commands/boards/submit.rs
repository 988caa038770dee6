//! LB.SUBMIT and LB.MSUBMIT: scores as a game reports them.
//!
//! A call has three steps. The first reads every pair on every board and computes the scores that are wanted; it alone can
//! fail, and has changed nothing then. The second applies them. With RETURN the third looks at the boards again, because the
//! ranks of a pair's row are those after the whole call.

use super::returned::{Before, write_returned};
use super::submission::Submission;
use crate::commands::call::Call;
use crate::commands::call::error::{CommandError, Outcome};
use crate::commands::sorted_sets::PREFETCHED_MEMBERS;
use crate::commands::sorted_sets::lookahead;
use crate::commands::spec::{CommandSpec, Flag, Group, Handler, KeyFlag, Keys, Lookahead};
use crate::resp::double;
use crate::resp::reply::Reply;
use crate::store::{
    Board, Conditions, Keep, Missing, PolicyError, Submit, SubmitError, SubmitStatus, WantedPoints, Writer,
};
use smallvec::SmallVec;

const SUBMIT: CommandSpec = CommandSpec {
    group: Group::Boards,
    since: "0.1.0",
    complexity: "O(M log N) for M pairs",
    flags: &[Flag::Write, Flag::Denyoom, Flag::Fast],
    ..CommandSpec::BASE
};

pub(in crate::commands) const COMMANDS: &[CommandSpec] = &[
    CommandSpec {
        name: "lb.submit",
        syntax: "key [KEEP <LATEST | BEST | SUM>] [AT unix-time-milliseconds] [ID request-id] [RETURN] score member \
                 [score member ...]",
        summary: "Submits scores to a board, which keeps the latest, the best or the sum",
        arity: -4,
        keys: Keys::first(&[KeyFlag::Rw, KeyFlag::Update]),
        lookahead: Some(Lookahead::Value(lookahead::last_pairs)),
        run: Handler::Write(submit),
        ..SUBMIT
    },
    CommandSpec {
        name: "lb.msubmit",
        syntax: "numkeys key [key ...] [KEEP <LATEST | BEST | SUM>] [AT unix-time-milliseconds] [ID request-id] [RETURN] \
                 score member [score member ...]",
        summary: "Submits scores to several boards at once, to all or to none",
        complexity: "O(K M log N) for M pairs on K boards",
        arity: -5,
        keys: Keys::Counted { count: 1, access: &[KeyFlag::Rw, KeyFlag::Update] },
        run: Handler::Write(msubmit),
        ..SUBMIT
    },
];

/// What the first step found out about a board.
struct Prepared {
    submit: Submit,
    /// The scores that the pairs want; `None` if the board keeps the id of the request.
    wanted: Option<WantedPoints>,
    /// What the members had; empty without RETURN.
    before: Before,
    /// The empty board that a template makes of the missing key.
    begins: Option<Board>,
}

/// What became of the pairs on a board; `None`: nothing, because the request is a repeat.
type Applied = Option<SmallVec<[SubmitStatus; 4]>>;

fn submit(keys: &mut Writer<'_, '_>, call: &Call<'_>, reply: &mut Reply<'_>) -> Outcome {
    let submission = Submission::parse(call.cursor(2))?;
    call.announce(submission.len())?;
    let key = call.argument(1);
    let mut prepared = prepare(keys, key, &submission)?;
    let applied = apply(keys, key, &submission, &mut prepared)?;
    write(keys, key, &submission, &prepared, applied, reply)
}

fn msubmit(keys: &mut Writer<'_, '_>, call: &Call<'_>, reply: &mut Reply<'_>) -> Outcome {
    let mut cursor = call.cursor(1);
    let boards = super::counted_keys(&mut cursor)?;
    let submission = Submission::parse(cursor)?;
    let mut names: Vec<&[u8]> = boards.clone().collect();
    call.announce(names.len().saturating_mul(submission.len()))?;
    names.sort_unstable();
    if names.windows(2).any(|pair| pair[0] == pair[1]) {
        return Err(CommandError::text("ERR the same board is named twice").into());
    }
    let prepared = boards.clone().map(|key| prepare(keys, key, &submission));
    let mut prepared = prepared.collect::<Result<Vec<_>, _>>()?;
    let mut applied = Vec::with_capacity(prepared.len());
    for (key, prepared) in boards.clone().zip(&mut prepared) {
        applied.push(apply(keys, key, &submission, prepared)?);
    }
    reply.array(prepared.len());
    for ((key, prepared), applied) in boards.zip(&prepared).zip(applied) {
        write(keys, key, &submission, prepared, applied, reply)?;
    }
    Ok(())
}

/// Reads the pairs for the board at `key`, which is not changed.
fn prepare(
    keys: &mut Writer<'_, '_>,
    key: &[u8],
    submission: &Submission<'_>,
) -> Result<Prepared, CommandError> {
    let now_ms = keys.reader().now_ms();
    if let Some(board) = keys.reader().get::<Board>(key)? {
        return prepare_on(board, now_ms, submission);
    }
    // A board that is not there is what the first write would make of it.
    if let Some(board) = keys.templated_board(key) {
        let prepared = prepare_on(&board, now_ms, submission)?;
        return Ok(Prepared { begins: Some(board), ..prepared });
    }
    let prepared =
        keys.edit::<Board, _>(key, Missing::Create, None, |board| prepare_on(board, now_ms, submission))?;
    prepared.unwrap_or(Err(CommandError::SYNTAX))
}

fn prepare_on(board: &Board, now_ms: u64, submission: &Submission<'_>) -> Result<Prepared, CommandError> {
    if board.is_closed() {
        return Err(SubmitError::Closed.into());
    }
    let policy = board.policy();
    let keep = submission.keep.unwrap_or(policy.keep);
    let submit = Submit { keep, conditions: Conditions::default(), at_ms: submission.at_ms, now_ms };
    if keep == Keep::Sum && policy.cap.is_some() {
        return Err(PolicyError::CapWithSum.into());
    }
    if submission.id.is_some() && policy.ids == 0 {
        return Err(CommandError::text("ERR the board keeps no request ids"));
    }
    let rules = board.rules();
    if submission.id.is_some_and(|id| rules.is_some_and(|rules| rules.ids.contains(id))) {
        return Ok(Prepared { submit, wanted: None, before: Before::default(), begins: None });
    }
    let members = submission.members();
    let before = if submission.returns { Before::of(board, members.clone()) } else { Before::default() };
    let given = submission.scores().map(|text| board.read_points(text, double::parse));
    let given = given.collect::<Result<WantedPoints, _>>()?;
    let wanted = submit.prepare(board, members.zip(given))?;
    Ok(Prepared { submit, wanted: Some(wanted), before, begins: None })
}

/// Applies the pairs to the board at `key`.
fn apply(
    keys: &mut Writer<'_, '_>,
    key: &[u8],
    submission: &Submission<'_>,
    Prepared { submit, wanted, begins, .. }: &mut Prepared,
) -> Result<Applied, CommandError> {
    let Some(wanted) = wanted else { return Ok(None) };
    if let Some(board) = begins.take() {
        keys.begin_board(key, board);
    }
    if let Some(id) = submission.id {
        // An id alone is no event.
        keys.edit::<Board, _>(key, Missing::Create, None, |board| board.note_id(id))?;
    }
    let event = if submit.keep == Keep::Sum { "zincr" } else { "zadd" };
    Ok(keys.edit::<Board, _>(key, Missing::Create, event, |board| {
        let mut ahead = submission.members();
        let mut statuses = SmallVec::new();
        for (index, (member, wanted)) in submission.members().zip(&*wanted).enumerate() {
            if index % PREFETCHED_MEMBERS == 0 && submission.len() > 1 {
                board.prefetch_members(ahead.clone().take(PREFETCHED_MEMBERS));
                ahead.nth(PREFETCHED_MEMBERS - 1);
            }
            statuses.push(board.submit(submit, member, *wanted).status);
        }
        statuses
    })?)
}

/// Writes the reply for one board.
fn write(
    keys: &Writer<'_, '_>,
    key: &[u8],
    submission: &Submission<'_>,
    prepared: &Prepared,
    applied: Applied,
    reply: &mut Reply<'_>,
) -> Outcome {
    if submission.returns {
        let reader = keys.reader();
        write_returned(reader.get::<Board>(key)?, submission, applied.as_deref(), &prepared.before, reply);
        return Ok(());
    }
    match applied {
        Some(statuses) => {
            reply.count(statuses.iter().filter(|status| **status == SubmitStatus::Applied).count());
        }
        None => reply.integer(-1),
    }
    Ok(())
}
