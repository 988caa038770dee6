//! What a FRIENDRANK asks for, read from its arguments.

use super::friendships::friends_key;
use crate::commands::boards::join::GetPatterns;
use crate::commands::boards::numbering::Numbering;
use crate::commands::call::error::CommandError;
use crate::commands::call::{Call, Cursor};

/// Where the friends come from.
#[derive(Clone, Debug)]
pub(super) enum FriendSource<'a> {
    /// The members of the set or sorted set at this key.
    Key(Vec<u8>),
    /// Arguments.
    Members(std::iter::Take<Cursor<'a>>),
}

/// Which rows are wanted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Selection {
    /// All.
    All,
    /// This number of first rows.
    Top(usize),
    /// The user's row, and this number of rows above and below it.
    Around(usize),
    /// Only the user's own rank.
    Own,
}

/// A FRIENDRANK request.
#[derive(Clone, Debug)]
pub(super) struct Request<'a> {
    pub(super) board: &'a [u8],
    pub(super) user: &'a [u8],
    pub(super) source: FriendSource<'a>,
    pub(super) selection: Selection,
    /// ASC: the lowest score first, whichever end of the board is best.
    pub(super) is_ascending: bool,
    pub(super) mode: Numbering,
    pub(super) with_self: bool,
    pub(super) with_global: bool,
    pub(super) with_unranked: bool,
    pub(super) with_percentile: bool,
    /// What is read for each row besides.
    pub(super) gets: GetPatterns<'a>,
    /// How old a kept answer may be.
    pub(super) max_age_ms: Option<u64>,
}

impl<'a> Request<'a> {
    /// Reads a request. The options may come in any order, each once. Options that contradict each other are a syntax error.
    pub(super) fn parse(call: &Call<'a>) -> Result<Self, CommandError> {
        let (board, user) = (call.argument(1), call.argument(2));
        let mut request = Self {
            board,
            user,
            source: FriendSource::Key(friends_key(&call.config.friend_key_prefix, user)),
            selection: Selection::All,
            is_ascending: false,
            mode: Numbering::Row,
            with_self: true,
            with_global: false,
            with_unranked: false,
            with_percentile: false,
            gets: GetPatterns::default(),
            max_age_ms: None,
        };
        let (mut has_selection, mut has_mode) = (false, false);
        let once =
            |seen: &mut bool| if std::mem::replace(seen, true) { Err(CommandError::SYNTAX) } else { Ok(()) };
        let (mut has_asc, mut has_noself, mut has_global, mut has_unranked) = (false, false, false, false);
        let mut has_percentile = false;
        let mut has_source = false;
        let mut cursor = call.cursor(3);
        while cursor.remaining() > 0 {
            if cursor.take_word("friends") {
                once(&mut has_source)?;
                request.source = FriendSource::Key(cursor.required()?.to_vec());
            } else if cursor.take_word("members") {
                once(&mut has_source)?;
                let count = cursor.non_negative()?;
                if count == 0 || count > cursor.remaining() {
                    return Err(CommandError::SYNTAX);
                }
                request.source = FriendSource::Members(cursor.clone().take(count));
                cursor.nth(count - 1);
            } else if cursor.take_word("top") {
                once(&mut has_selection)?;
                request.selection = Selection::Top(cursor.non_negative()?);
            } else if cursor.take_word("around") {
                once(&mut has_selection)?;
                request.selection = Selection::Around(cursor.non_negative()?);
            } else if cursor.take_word("self") {
                once(&mut has_selection)?;
                request.selection = Selection::Own;
            } else if cursor.take_word("asc") {
                once(&mut has_asc)?;
                request.is_ascending = true;
            } else if cursor.take_word("mode") {
                once(&mut has_mode)?;
                request.mode = Numbering::parse(&mut cursor)?;
            } else if cursor.take_word("noself") {
                once(&mut has_noself)?;
                request.with_self = false;
            } else if cursor.take_word("withglobal") {
                once(&mut has_global)?;
                request.with_global = true;
            } else if cursor.take_word("withunranked") {
                once(&mut has_unranked)?;
                request.with_unranked = true;
            } else if cursor.take_word("withpercentile") {
                once(&mut has_percentile)?;
                request.with_percentile = true;
            } else if request.gets.take(&mut cursor)? {
                // GET may be repeated.
            } else if request.max_age_ms.is_none() && cursor.take_word("maxage") {
                request.max_age_ms = Some(cursor.non_negative()? as u64);
            } else {
                return Err(CommandError::SYNTAX);
            }
        }
        let about_the_user = matches!(request.selection, Selection::Around(_) | Selection::Own);
        if about_the_user && !request.with_self {
            return Err(CommandError::SYNTAX);
        }
        Ok(request)
    }
}

/// Calls `visit` with the key of the friend list, unless the friends are arguments. A request with a syntax error has none.
pub(super) fn friend_list(call: &Call<'_>, visit: &mut dyn FnMut(&[u8])) {
    if let Ok(Request { source: FriendSource::Key(key), .. }) = Request::parse(call) {
        visit(&key);
    }
}
