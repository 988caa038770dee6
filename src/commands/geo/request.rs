//! Reads the requests of GEOSEARCH, GEOSEARCHSTORE and of the GEORADIUS commands, with Redis's order of checks, so that of two
//! mistakes the same one is reported.

use super::distance::LengthUnit;
use super::geohash::GeoPoint;
use super::shape::{Outline, SearchShape};
use super::{parse_point, parse_unit};
use crate::commands::call::error::CommandError;
use crate::commands::call::{Call, Cursor, parse_score, text};
use crate::ranking::Order;
use crate::store::Board;
use std::num::NonZeroUsize;

/// Which command a request is of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum SearchForm {
    /// `GEORADIUS key longitude latitude radius unit`.
    Radius(Storing),
    /// `GEORADIUSBYMEMBER key member radius unit`.
    RadiusByMember(Storing),
    /// `GEOSEARCH key`: all else are options.
    Search,
    /// `GEOSEARCHSTORE destination source`.
    SearchStore,
}

/// Whether STORE and STOREDIST are options.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Storing {
    Allowed,
    Refused,
}

impl SearchForm {
    /// The position of the key that is searched.
    pub(super) fn source(self) -> usize {
        if self == Self::SearchStore { 2 } else { 1 }
    }

    fn has_shape_options(self) -> bool {
        matches!(self, Self::Search | Self::SearchStore)
    }

    fn has_store_options(self) -> bool {
        matches!(self, Self::Radius(Storing::Allowed) | Self::RadiusByMember(Storing::Allowed))
    }
}

/// What a reply says of each member beside its name.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Details {
    pub(super) distance: bool,
    pub(super) hash: bool,
    pub(super) point: bool,
}

impl Details {
    /// How many there are.
    pub(super) fn count(self) -> usize {
        usize::from(self.distance) + usize::from(self.hash) + usize::from(self.point)
    }
}

/// The score that a stored member gets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum StoredScore {
    /// The one that it has.
    Geohash,
    /// Its distance, in the unit of the request.
    Distance,
}

/// Where a shape is, and how it is measured.
#[derive(Clone, Copy, Debug)]
pub(super) struct Area {
    pub(super) shape: SearchShape,
    /// The unit of the request, which is that of the reply as well.
    pub(super) unit: LengthUnit,
}

/// Everything a search asks for.
#[derive(Debug)]
pub(super) struct SearchRequest<'c> {
    /// `None` if the searched key is missing: it may have been meant to have the member in the middle.
    pub(super) area: Option<Area>,
    pub(super) details: Details,
    pub(super) order: Option<Order>,
    /// COUNT: the most members that are returned.
    pub(super) most: Option<NonZeroUsize>,
    /// ANY: the search ends at that count; otherwise the nearest are returned.
    pub(super) any: bool,
    /// The key that the result is stored at.
    pub(super) destination: Option<&'c [u8]>,
    pub(super) stored: StoredScore,
}

/// The middle of a search.
#[derive(Clone, Copy, Debug)]
enum Middle {
    /// No FROMMEMBER and no FROMLONLAT yet.
    Unknown,
    /// FROMMEMBER, of which there is no position where the key is missing.
    Member(Option<GeoPoint>),
    Point(GeoPoint),
}

impl<'c> SearchRequest<'c> {
    /// Reads a request that searches `board`, `None` for a missing key.
    pub(super) fn parse(
        call: &Call<'c>,
        form: SearchForm,
        board: Option<&Board>,
    ) -> Result<Self, CommandError> {
        let mut request = Self {
            area: None,
            details: Details::default(),
            order: None,
            most: None,
            any: false,
            destination: (form == SearchForm::SearchStore).then(|| call.argument(1)),
            stored: StoredScore::Geohash,
        };
        let mut cursor = call.cursor(form.source() + 1);
        let mut middle = Middle::Unknown;
        let mut outline = None;
        match form {
            SearchForm::Radius(_) => {
                middle = Middle::Point(parse_point(&mut cursor)?);
                outline = Some(parse_circle(&mut cursor)?);
            }
            SearchForm::RadiusByMember(_) => {
                middle = parse_member(&mut cursor, board)?;
                // Without a key, Redis does not read radius and unit.
                if board.is_some() {
                    outline = Some(parse_circle(&mut cursor)?);
                } else {
                    cursor.nth(1);
                }
            }
            SearchForm::Search | SearchForm::SearchStore => {}
        }
        while cursor.remaining() > 0 {
            let is_known = request.take_option(&mut cursor, form)?
                || form.has_shape_options()
                    && take_shape_option(&mut cursor, board, &mut middle, &mut outline)?;
            if !is_known {
                return Err(CommandError::SYNTAX);
            }
        }
        request.check(call, form, middle, outline)?;
        if let (Middle::Member(Some(center)) | Middle::Point(center), Some((outline, unit))) =
            (middle, outline)
        {
            request.area = Some(Area { shape: SearchShape::new(center, outline), unit });
        }
        Ok(request)
    }

    /// Takes an option that is not about the shape. Returns whether there was one.
    fn take_option(&mut self, cursor: &mut Cursor<'c>, form: SearchForm) -> Result<bool, CommandError> {
        if cursor.take_word("withdist") {
            self.details.distance = true;
        } else if cursor.take_word("withhash") {
            self.details.hash = true;
        } else if cursor.take_word("withcoord") {
            self.details.point = true;
        } else if cursor.take_word("any") {
            self.any = true;
        } else if cursor.take_word("asc") {
            self.order = Some(Order::Ascending);
        } else if cursor.take_word("desc") {
            self.order = Some(Order::Descending);
        } else if cursor.remaining() > 1 && cursor.take_word("count") {
            let most = usize::try_from(cursor.integer()?).ok().and_then(NonZeroUsize::new);
            self.most = Some(most.ok_or(CommandError::text("ERR COUNT must be > 0"))?);
        } else if form.has_store_options() && cursor.remaining() > 1 && cursor.take_word("store") {
            self.destination = cursor.next();
            self.stored = StoredScore::Geohash;
        } else if form.has_store_options() && cursor.remaining() > 1 && cursor.take_word("storedist") {
            self.destination = cursor.next();
            self.stored = StoredScore::Distance;
        } else if form == SearchForm::SearchStore && cursor.take_word("storedist") {
            self.stored = StoredScore::Distance;
        } else {
            return Ok(false);
        }
        Ok(true)
    }

    /// Refuses options that do not go together or that are missing.
    fn check(
        &self,
        call: &Call<'_>,
        form: SearchForm,
        middle: Middle,
        outline: Option<(Outline, LengthUnit)>,
    ) -> Result<(), CommandError> {
        if self.destination.is_some() && self.details != Details::default() {
            return Err(CommandError::text(if form == SearchForm::SearchStore {
                "ERR GEOSEARCHSTORE is not compatible with WITHDIST, WITHHASH and WITHCOORD options"
            } else {
                "ERR STORE option in GEORADIUS is not compatible with WITHDIST, WITHHASH and WITHCOORD options"
            }));
        }
        let missing = if !form.has_shape_options() {
            None
        } else if matches!(middle, Middle::Unknown) {
            Some("FROMMEMBER or FROMLONLAT")
        } else if outline.is_none() {
            Some("BYRADIUS and BYBOX")
        } else {
            None
        };
        if let Some(options) = missing {
            let name = text(call.argument(0));
            return Err(CommandError::new(format!(
                "ERR exactly one of {options} can be specified for {name}"
            )));
        }
        if self.any && self.most.is_none() {
            return Err(CommandError::text("ERR the ANY argument requires COUNT argument"));
        }
        Ok(())
    }
}

/// Takes one of GEOSEARCH's options about the shape. Returns whether there was one.
fn take_shape_option(
    cursor: &mut Cursor<'_>,
    board: Option<&Board>,
    middle: &mut Middle,
    outline: &mut Option<(Outline, LengthUnit)>,
) -> Result<bool, CommandError> {
    let (is_circle, is_box) = match outline {
        None => (true, true),
        Some((Outline::Circle { .. }, _)) => (true, false),
        Some((Outline::Box { .. }, _)) => (false, true),
    };
    // As in Redis, an option can be repeated, and the last one counts.
    if !matches!(middle, Middle::Point(_)) && cursor.remaining() > 1 && cursor.take_word("frommember") {
        *middle = parse_member(cursor, board)?;
    } else if !matches!(middle, Middle::Member(_)) && cursor.remaining() > 2 && cursor.take_word("fromlonlat")
    {
        *middle = Middle::Point(parse_point(cursor)?);
    } else if is_circle && cursor.remaining() > 2 && cursor.take_word("byradius") {
        *outline = Some(parse_circle(cursor)?);
    } else if is_box && cursor.remaining() > 3 && cursor.take_word("bybox") {
        *outline = Some(parse_box(cursor)?);
    } else {
        return Ok(false);
    }
    Ok(true)
}

fn parse_member(cursor: &mut Cursor<'_>, board: Option<&Board>) -> Result<Middle, CommandError> {
    let member = cursor.required()?;
    let Some(board) = board else { return Ok(Middle::Member(None)) };
    let undecoded = CommandError::text("ERR could not decode requested zset member");
    let points = board.score(member).ok_or(undecoded)?;
    Ok(Middle::Member(Some(GeoPoint::of_score(points.nearest()))))
}

fn parse_circle(cursor: &mut Cursor<'_>) -> Result<(Outline, LengthUnit), CommandError> {
    let radius = parse_length(cursor, "ERR need numeric radius")?;
    if radius < 0.0 {
        return Err(CommandError::text("ERR radius cannot be negative"));
    }
    let unit = parse_unit(cursor.required()?)?;
    Ok((Outline::Circle { radius_metres: radius * unit.metres() }, unit))
}

fn parse_box(cursor: &mut Cursor<'_>) -> Result<(Outline, LengthUnit), CommandError> {
    let width = parse_length(cursor, "ERR need numeric width")?;
    let height = parse_length(cursor, "ERR need numeric height")?;
    if width < 0.0 || height < 0.0 {
        return Err(CommandError::text("ERR height or width cannot be negative"));
    }
    let unit = parse_unit(cursor.required()?)?;
    let metres = unit.metres();
    Ok((Outline::Box { width_metres: width * metres, height_metres: height * metres }, unit))
}

fn parse_length(cursor: &mut Cursor<'_>, error: &'static str) -> Result<f64, CommandError> {
    Ok(parse_score(cursor.required()?).map_err(|_| CommandError::text(error))?.get())
}
