//! The options with which XADD and XTRIM trim a stream.

use super::idempotence::RequestId;
use super::ids::{self, NewId};
use crate::commands::call::error::{CommandError, Stop};
use crate::commands::call::{Call, Cursor};
use crate::store::{Edit, Stream, Trim, TrimTarget};

/// What becomes of pending entries that are removed from a stream.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum References {
    /// They stay pending.
    #[default]
    Keep,
    /// They are not pending any more.
    Drop,
    /// Entries that some group has not acknowledged are not removed.
    Acknowledged,
}

impl References {
    /// Moves past one of the three words, if one comes next.
    pub(super) fn take(cursor: &mut Cursor<'_>) -> Option<Self> {
        let words = [("KEEPREF", Self::Keep), ("DELREF", Self::Drop), ("ACKED", Self::Acknowledged)];
        words.into_iter().find(|(word, _)| cursor.take_word(word)).map(|(_, references)| references)
    }
}

const LIMIT_WITHOUT_TILDE: CommandError =
    CommandError::text("ERR syntax error, LIMIT cannot be used without the special ~ option");

/// How a request trims a stream.
#[derive(Clone, Copy, Debug)]
pub(super) struct Trimming {
    trim: Trim,
    references: References,
}

/// What the options of XADD or XTRIM say.
#[derive(Debug)]
pub(super) struct TrimOptions<'c> {
    pub(super) trimming: Option<Trimming>,
    /// NOMKSTREAM.
    pub(super) only_existing: bool,
    /// IDMP or IDMPAUTO.
    pub(super) request: Option<RequestId<'c>>,
    /// The id in XADD.
    pub(super) id: NewId,
    /// The position behind the options, and behind the id in XADD.
    pub(super) behind: usize,
}

/// Which command has the options.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Options {
    OfAdd,
    OfTrim,
}

impl<'c> TrimOptions<'c> {
    /// Reads the options behind the key, and the id in XADD. A request that another server `has_run` says the id of its entry beside
    /// that of its producer.
    ///
    /// # Errors
    /// Those of Redis, in its order.
    pub(super) fn parse(call: &Call<'c>, of: Options, has_run: bool) -> Result<Self, CommandError> {
        let (mut cursor, len) = (call.cursor(2), call.arguments.len());
        let (mut target, mut is_approximate) = (None, false);
        let (mut limit, mut references) = (None, None);
        let mut options =
            Self { trimming: None, only_existing: false, request: None, id: NewId::Any, behind: len };
        while cursor.remaining() > 0 {
            let position = len - cursor.remaining();
            let has_more = cursor.remaining() > 1;
            if of == Options::OfAdd && call.argument(position) == b"*" {
                options.behind = position + 1;
                break;
            }
            let word = |cursor: &mut Cursor<'_>, word| has_more && cursor.take_word(word);
            let is_len = word(&mut cursor, "MAXLEN");
            if is_len || word(&mut cursor, "MINID") {
                if target.is_some() {
                    return Err(CommandError::text(
                        "ERR syntax error, MAXLEN and MINID options at the same time are not compatible",
                    ));
                }
                is_approximate = cursor.remaining() > 1 && cursor.take_word("~");
                if !is_approximate && cursor.remaining() > 1 {
                    cursor.take_word("=");
                }
                target = Some(parse_target(&mut cursor, is_len)?);
            } else if word(&mut cursor, "LIMIT") {
                let most = cursor.integer()?;
                let negative = CommandError::text("ERR The LIMIT argument must be >= 0.");
                limit = Some(usize::try_from(most).map_err(|_| negative)?);
            } else if of == Options::OfAdd && cursor.take_word("NOMKSTREAM") {
                options.only_existing = true;
            } else if let Some(given) =
                if references.is_none() { References::take(&mut cursor) } else { None }
            {
                references = Some(given);
            } else if of == Options::OfAdd
                && let Some(request) = RequestId::take(&mut cursor, options.request)?
            {
                options.request = Some(request);
            } else if of == Options::OfAdd {
                options.id = ids::parse_new(call.argument(position), 0)?;
                options.behind = position + 1;
                if options.request.is_some() && !has_run {
                    return Err(CommandError::text(
                        "ERR syntax error, IDMP/IDMPAUTO can be used only with auto-generated IDs",
                    ));
                }
                break;
            } else {
                return Err(CommandError::SYNTAX);
            }
        }
        let Some(target) = target else {
            return match (limit, of) {
                (Some(1..), _) => Err(CommandError::text(
                    "ERR syntax error, LIMIT cannot be used without specifying a trimming strategy",
                )),
                (_, Options::OfTrim) => {
                    Err(CommandError::text("ERR syntax error, XTRIM must be called with a trimming strategy"))
                }
                (Some(0), Options::OfAdd) => Err(LIMIT_WITHOUT_TILDE),
                (None, Options::OfAdd) => Ok(options),
            };
        };
        let limit = match limit {
            Some(_) if !is_approximate => {
                return Err(LIMIT_WITHOUT_TILDE);
            }
            Some(limit) => limit,
            None if is_approximate => default_limit(call.config.stream_bounds.node_entries),
            None => 0,
        };
        let trim = Trim { target, is_approximate, limit };
        options.trimming = Some(Trimming { trim, references: references.unwrap_or_default() });
        Ok(options)
    }
}

/// Most entries that approximate trimming removes at once, unless the request says it.
fn default_limit(node_entries: usize) -> usize {
    match node_entries.saturating_mul(100) {
        0 => 10_000,
        limit => limit.min(1_000_000),
    }
}

fn parse_target(cursor: &mut Cursor<'_>, is_len: bool) -> Result<TrimTarget, CommandError> {
    if !is_len {
        return ids::parse(cursor.required()?, 0).map(TrimTarget::From);
    }
    let negative = CommandError::text("ERR The MAXLEN argument must be >= 0.");
    usize::try_from(cursor.integer()?).map(TrimTarget::Len).map_err(|_| negative)
}

impl Trimming {
    /// Announces the work of trimming this stream, to which `added` entries are added first.
    ///
    /// # Errors
    /// See [`Call::announce`].
    pub(super) fn announce(self, call: &Call<'_>, stream: &Stream, added: usize) -> Result<(), Stop> {
        // Blocks are removed as a whole, each with about a hundred entries.
        const ENTRIES_AT_ONCE: usize = 64;
        let (len, by_block) = (stream.len() + added, self.references == References::Keep);
        let most = match self.trim.target {
            TrimTarget::Len(left) => len.saturating_sub(left),
            TrimTarget::From(_) => len,
        };
        let most = if self.trim.limit > 0 { most.min(self.trim.limit) } else { most };
        call.announce(if by_block { most / ENTRIES_AT_ONCE } else { most })
    }

    /// Trims the stream. Returns how many entries were removed.
    pub(super) fn run(self, stream: &mut Edit<'_, '_, Stream>) -> usize {
        match self.references {
            References::Keep => stream.trim(self.trim),
            // As in Redis, a whole block is never removed with its references.
            _ if self.trim.is_approximate => 0,
            References::Drop => stream.trim_with_pending(self.trim.target),
            References::Acknowledged => stream.trim_acknowledged(self.trim.target),
        }
    }
}
