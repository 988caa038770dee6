//! Distances on the earth, in metres and other units. Pure arithmetic.
//!
//! The digits are Redis's, so each formula is computed in Redis's order: the haversine formula with the mean radius of the
//! earth (Sinnott, "Virtues of the haversine", 1984). Sines and their like are those of the system's mathematical library,
//! as in Redis.

use super::geohash::GeoPoint;
use std::f64::consts::PI;
use std::io::Write;

/// The earth's quadratic mean radius, in metres.
pub const EARTH_RADIUS_METRES: f64 = 6_372_797.560_856;

const RADIANS_PER_DEGREE: f64 = PI / 180.0;

/// An angle in radians.
#[must_use]
pub fn radians(degrees: f64) -> f64 {
    degrees * RADIANS_PER_DEGREE
}

/// An angle in degrees.
#[must_use]
pub fn degrees(radians: f64) -> f64 {
    radians / RADIANS_PER_DEGREE
}

/// The distance between two latitudes on one meridian, in metres.
#[must_use]
pub fn meridian_metres(latitude: f64, other: f64) -> f64 {
    EARTH_RADIUS_METRES * (radians(other) - radians(latitude)).abs()
}

/// The distance between two positions, in metres.
#[must_use]
pub fn metres(from: GeoPoint, to: GeoPoint) -> f64 {
    DistanceOrigin::new(from).metres_to(to)
}

/// A position from which distances are measured, with what all of them need.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct DistanceOrigin {
    position: GeoPoint,
    latitude_cosine: f64,
}

impl DistanceOrigin {
    /// Distances from this position.
    #[must_use]
    pub fn new(position: GeoPoint) -> Self {
        Self { position, latitude_cosine: radians(position.latitude).cos() }
    }

    /// The position.
    #[must_use]
    pub fn position(&self) -> GeoPoint {
        self.position
    }

    /// The distance to `to`, in metres.
    #[must_use]
    pub fn metres_to(&self, to: GeoPoint) -> f64 {
        let across = ((radians(to.longitude) - radians(self.position.longitude)) / 2.0).sin();
        if across == 0.0 {
            return meridian_metres(self.position.latitude, to.latitude);
        }
        let latitude = radians(to.latitude);
        let along = ((latitude - radians(self.position.latitude)) / 2.0).sin();
        let share = along * along + self.latitude_cosine * latitude.cos() * across * across;
        // Of opposite positions rounding can take the sum above 1, which has no arc sine.
        2.0 * EARTH_RADIUS_METRES * share.min(1.0).sqrt().asin()
    }
}

/// A unit of length.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LengthUnit {
    /// `m`.
    Metre,
    /// `km`.
    Kilometre,
    /// `ft`.
    Foot,
    /// `mi`.
    Mile,
}

impl LengthUnit {
    /// The unit of this name, in any case.
    #[must_use]
    pub fn named(name: &[u8]) -> Option<Self> {
        let units =
            [(&b"m"[..], Self::Metre), (b"km", Self::Kilometre), (b"ft", Self::Foot), (b"mi", Self::Mile)];
        units.into_iter().find(|(word, _)| word.eq_ignore_ascii_case(name)).map(|(_, unit)| unit)
    }

    /// How many metres it has: Redis's figures.
    #[must_use]
    pub fn metres(self) -> f64 {
        match self {
            Self::Metre => 1.0,
            Self::Kilometre => 1000.0,
            Self::Foot => 0.3048,
            Self::Mile => 1609.34,
        }
    }
}

/// A distance with four decimal places, on the stack.
#[derive(Clone, Copy, Debug)]
pub struct DistanceText {
    bytes: [u8; 32],
    len: usize,
}

impl DistanceText {
    /// The text of `distance`, which must be positive and less than 10^14: the earth is smaller in any unit.
    #[must_use]
    pub fn of(distance: f64) -> Self {
        let units = (distance * 10_000.0).round_ties_even() as u64;
        let mut text = Self { bytes: [0; 32], len: 0 };
        let mut room = &mut text.bytes[..];
        // 20 digits and the point fit.
        let _ = write!(room, "{}.{:04}", units / 10_000, units % 10_000);
        text.len = 32 - room.len();
        text
    }

    /// The bytes to send.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        &self.bytes[..self.len]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(distance: f64) -> String {
        String::from_utf8(DistanceText::of(distance).as_bytes().to_vec()).unwrap()
    }

    #[test]
    fn distances_have_four_places_and_round_to_even() {
        let cases = [
            (0.0, "0.0000"),
            (0.000_04, "0.0000"),
            (0.000_05, "0.0000"),
            (0.775, "0.7750"),
            (0.999_95, "1.0000"),
            (166_274.151_5, "166274.1515"),
            (20_020_741.123_45, "20020741.1234"),
        ];
        for (distance, expected) in cases {
            assert_eq!(text(distance), expected);
        }
    }

    /// The haversine of one of thirty pairs of opposite positions is above 1 by rounding.
    #[test]
    fn opposite_positions_have_a_distance() {
        let half_way = PI * EARTH_RADIUS_METRES;
        for step in 0..180_000 {
            let longitude = f64::from(step) / 1000.0;
            let latitude = f64::from(step % 85_000) / 1000.0;
            let here = GeoPoint { longitude, latitude };
            let there = GeoPoint { longitude: longitude - 180.0, latitude: -latitude };
            let distance = metres(here, there);
            assert!((distance - half_way).abs() < 1.0, "{here:?} {distance}");
        }
    }

    #[test]
    fn a_distance_does_not_depend_on_its_direction_or_on_the_date_line() {
        let mut chance = crate::machine::chance::Chance::seeded(13);
        let mut degrees = |most: f64| (chance.below(1 << 40) as f64 / (1u64 << 39) as f64 - 1.0) * most;
        for _ in 0..20_000 {
            let here = GeoPoint { longitude: degrees(180.0), latitude: degrees(85.0) };
            let there = GeoPoint { longitude: degrees(180.0), latitude: degrees(85.0) };
            let distance = metres(here, there);
            assert_eq!(distance.to_bits(), metres(there, here).to_bits());
            let shifted = |position: GeoPoint| GeoPoint {
                longitude: position.longitude + if position.longitude > 0.0 { -180.0 } else { 180.0 },
                ..position
            };
            let other = metres(shifted(here), shifted(there));
            assert!((distance - other).abs() < 1.0, "{here:?} {there:?}");
            assert!(distance >= meridian_metres(here.latitude, there.latitude) - 1e-6);
        }
    }
}
