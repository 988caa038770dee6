//! Places on the earth: sorted sets whose scores are geohashes.
//!
//! | file | its subject |
//! |---|---|
//! | `geohash` | a position as a number of 52 bits and back; cells of the map |
//! | `distance` | distances, units, their digits |
//! | `shape` | circles and boxes |
//! | `covering` | the cells that a search reads, in their order |
//! | `window` | what is certainly outside of a shape, without a sine |
//! | `nearest` | sorting only the nearest |
//! | `add`, `read` | GEOADD; GEOPOS, GEODIST and GEOHASH |
//! | `search` | GEOSEARCH, GEOSEARCHSTORE and the older GEORADIUS commands; `request` reads them, `found` is their result |
//!
//! The first six are pure: they know no command, no board and no reply.

pub(super) mod add;
pub mod covering;
pub mod distance;
mod found;
pub mod geohash;
pub mod nearest;
pub(super) mod read;
mod request;
pub(super) mod search;
pub mod shape;
pub mod window;

use crate::commands::call::Cursor;
use crate::commands::call::error::CommandError;
use crate::commands::spec::{CommandSpec, Group};
use crate::resp::double;
use distance::LengthUnit;
use geohash::GeoPoint;

const BASE: CommandSpec = CommandSpec { group: Group::Geo, since: "3.2.0", ..CommandSpec::BASE };

/// Reads a longitude and a latitude.
fn parse_point(cursor: &mut Cursor<'_>) -> Result<GeoPoint, CommandError> {
    // Not as scores: the error shows the sign of a zero, which a score does not have.
    let mut degrees = || double::parse(cursor.required()?).ok_or(CommandError::NOT_A_FLOAT);
    let point = GeoPoint { longitude: degrees()?, latitude: degrees()? };
    if point.is_on_map() {
        Ok(point)
    } else {
        let GeoPoint { longitude, latitude } = point;
        Err(CommandError::new(format!("ERR invalid longitude,latitude pair {longitude:.6},{latitude:.6}")))
    }
}

/// Reads a unit of length.
fn parse_unit(name: &[u8]) -> Result<LengthUnit, CommandError> {
    let unknown = CommandError::text("ERR unsupported unit provided. please use M, KM, FT, MI");
    LengthUnit::named(name).ok_or(unknown)
}
