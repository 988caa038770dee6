//! Geohashes: a position on the earth as a number of 52 bits that a score holds exactly, and cells, the squares that such
//! numbers share their first bits with. Pure arithmetic.
//!
//! The map of longitudes and latitudes is halved 26 times in each direction. Bits of the longitude and of the latitude
//! alternate, the longitude's first, so the positions of a cell have consecutive numbers.

use crate::ranking::Score;
use std::ops::Range;

/// Highest longitude, in degrees.
pub const MOST_LONGITUDE: f64 = 180.0;

/// Highest latitude, in degrees: there the square map of the web (EPSG:3857) ends.
pub const MOST_LATITUDE: f64 = 85.051_128_78;

/// How often the map is halved in each direction.
pub const MOST_STEPS: u32 = 26;

/// The length of a geohash in text: eleven characters, as in Redis, although 52 bits give only ten and a part.
pub const TEXT_CHARACTERS: usize = 11;

/// The digits of a geohash in text.
const DIGITS: &[u8; 32] = b"0123456789bcdefghjkmnpqrstuvwxyz";

/// A position on the earth, in degrees.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct GeoPoint {
    /// Degrees to the east.
    pub longitude: f64,
    /// Degrees to the north.
    pub latitude: f64,
}

impl GeoPoint {
    /// Whether it is on the map.
    #[must_use]
    pub fn is_on_map(self) -> bool {
        self.longitude.abs() <= MOST_LONGITUDE && self.latitude.abs() <= MOST_LATITUDE
    }

    /// The score of a member at this position, which must be on the map. On the eastern and on the northern edge of the map
    /// it has more than 52 bits, as in Redis.
    #[must_use]
    pub fn score(self) -> Score {
        Score::new(GeoCell::around(self, MOST_STEPS).number() as f64).unwrap_or_default()
    }

    /// The middle of the smallest cell that `score` stands for, on the map in any case.
    #[must_use]
    pub fn of_score(score: Score) -> Self {
        let (longitude, latitude) = apart(number_of(score));
        let middle = |index: u32, most: f64| {
            let edges = edge(index, MOST_STEPS, most) + edge(index.wrapping_add(1), MOST_STEPS, most);
            (edges / 2.0).clamp(-most, most)
        };
        Self { longitude: middle(longitude, MOST_LONGITUDE), latitude: middle(latitude, MOST_LATITUDE) }
    }

    /// The geohash as text, as on other systems: there the map reaches from pole to pole. The last character is always `0`.
    #[must_use]
    pub fn text(self) -> [u8; TEXT_CHARACTERS] {
        const POLE: f64 = 90.0;
        let longitude = index_of(self.longitude, MOST_LONGITUDE, MOST_STEPS);
        let number = together(longitude, index_of(self.latitude, POLE, MOST_STEPS));
        let mut text = [DIGITS[0]; TEXT_CHARACTERS];
        for (place, digit) in text.iter_mut().take(TEXT_CHARACTERS - 1).enumerate() {
            *digit = DIGITS[(number >> (2 * MOST_STEPS as usize - 5 * (place + 1))) as usize % DIGITS.len()];
        }
        text
    }
}

/// A square of the map, halved `steps` times in each direction. Its indexes count cells from the west and from the south.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct GeoCell {
    longitude: u32,
    latitude: u32,
    steps: u32,
}

/// A direction on the map.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Side {
    /// Towards lower indexes: west or south.
    Before,
    /// Not in this direction.
    Same,
    /// Towards higher indexes: east or north.
    Behind,
}

/// The edges of a cell, in degrees.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct CellEdges {
    /// The lowest longitude.
    pub west: f64,
    /// The highest longitude.
    pub east: f64,
    /// The lowest latitude.
    pub south: f64,
    /// The highest latitude.
    pub north: f64,
}

impl GeoCell {
    /// The cell around a position of the map; `steps` is 1 to [`MOST_STEPS`]. On the eastern or the northern edge of the map
    /// it is the cell beyond the last one, as in Redis.
    #[must_use]
    pub fn around(position: GeoPoint, steps: u32) -> Self {
        Self {
            longitude: index_of(position.longitude, MOST_LONGITUDE, steps),
            latitude: index_of(position.latitude, MOST_LATITUDE, steps),
            steps,
        }
    }

    /// The next cell in a direction. Behind the last one comes the first.
    #[must_use]
    pub fn neighbour(self, longitude: Side, latitude: Side) -> Self {
        let last = (1u32 << self.steps) - 1;
        let moved = |index: u32, side| match side {
            Side::Before => index.wrapping_sub(1) & last,
            Side::Same => index,
            Side::Behind => index.wrapping_add(1) & last,
        };
        let Self { steps, .. } = self;
        Self { longitude: moved(self.longitude, longitude), latitude: moved(self.latitude, latitude), steps }
    }

    /// Its edges.
    #[must_use]
    pub fn edges(self) -> CellEdges {
        let edges = |index: u32, most| [edge(index, self.steps, most), edge(index + 1, self.steps, most)];
        let [west, east] = edges(self.longitude, MOST_LONGITUDE);
        let [south, north] = edges(self.latitude, MOST_LATITUDE);
        CellEdges { west, east, south, north }
    }

    /// The scores of the positions in it: from the first up to the second, which is not included.
    #[must_use]
    pub fn scores(self) -> Range<Score> {
        let score =
            |number: u64| Score::new((number << (2 * (MOST_STEPS - self.steps))) as f64).unwrap_or_default();
        score(self.number())..score(self.number() + 1)
    }

    fn number(self) -> u64 {
        together(self.longitude, self.latitude)
    }
}

/// The indexes of the smallest cell that `score` stands for: its longitude's and its latitude's.
#[must_use]
pub fn indexes_of(score: Score) -> (u32, u32) {
    apart(number_of(score))
}

/// The index of the cell that holds `degrees`, on a map from `-most` to `most`.
fn index_of(degrees: f64, most: f64, steps: u32) -> u32 {
    let share = (degrees + most) / (most + most);
    (share * f64::from(1u32 << steps)) as u32
}

/// The lower edge of the cell of an index, in degrees.
fn edge(index: u32, steps: u32, most: f64) -> f64 {
    -most + f64::from(index) / f64::from(1u32 << steps) * (most + most)
}

/// The bits of a score. A score that no GEOADD has made becomes what x86's conversion makes of it, as in Redis there.
fn number_of(score: Score) -> u64 {
    const HALF: f64 = (1u64 << 63) as f64;
    let score = score.get();
    if score < HALF {
        (score as i64).cast_unsigned()
    } else if score < 2.0 * HALF {
        score as u64
    } else {
        0
    }
}

/// The bits of two numbers in turn, the first one's in the higher places.
fn together(longitude: u32, latitude: u32) -> u64 {
    spread(latitude) | spread(longitude) << 1
}

/// The two numbers of [`together`].
fn apart(number: u64) -> (u32, u32) {
    (gathered(number >> 1), gathered(number))
}

/// How far bits move in each step of [`spread`], and which places then hold bits.
const MOVES: [(u32, u64); 5] = [
    (16, 0x0000_ffff_0000_ffff),
    (8, 0x00ff_00ff_00ff_00ff),
    (4, 0x0f0f_0f0f_0f0f_0f0f),
    (2, 0x3333_3333_3333_3333),
    (1, 0x5555_5555_5555_5555),
];

/// The bits of `number` in every second place.
fn spread(number: u32) -> u64 {
    MOVES.iter().fold(u64::from(number), |bits, &(by, places)| (bits | bits << by) & places)
}

/// The bits in every second place of `bits`, together.
fn gathered(bits: u64) -> u32 {
    let mut bits = bits & MOVES[MOVES.len() - 1].1;
    for step in (0..MOVES.len()).rev() {
        let places = if step == 0 { u64::from(u32::MAX) } else { MOVES[step - 1].1 };
        bits = (bits | bits >> MOVES[step].0) & places;
    }
    bits as u32
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::machine::chance::Chance;

    fn at(longitude: f64, latitude: f64) -> GeoPoint {
        GeoPoint { longitude, latitude }
    }

    fn some_position(chance: &mut Chance) -> GeoPoint {
        let mut degrees = |most: f64| (chance.below(1 << 50) as f64 / (1u64 << 49) as f64 - 1.0) * most;
        at(degrees(MOST_LONGITUDE), degrees(MOST_LATITUDE))
    }

    /// Golden cases, captured from Redis 8.2.3.
    #[test]
    fn scores_and_texts_are_those_of_redis() {
        let cases = [
            (at(13.361389, 38.115556), 3_479_099_956_230_698.0, "sqc8b49rny0"),
            (at(15.087269, 37.502669), 3_479_447_370_796_909.0, "sqdtr74hyu0"),
            (at(180.0, MOST_LATITUDE), 13_510_798_882_111_488.0, "bp05b5048p0"),
            (at(-180.0, -MOST_LATITUDE), 0.0, "00bh0hbj200"),
        ];
        for (position, score, text) in cases {
            assert_eq!(position.score().get(), score);
            let decoded = GeoPoint::of_score(position.score());
            assert_eq!(std::str::from_utf8(&decoded.text()), Ok(text));
        }
        let palermo = GeoPoint::of_score(Score::new(3_479_099_956_230_698.0).unwrap());
        assert_eq!(palermo, at(13.361_389_338_970_184, 38.115_556_395_496_3));
    }

    /// Scores that come from ZADD, as Redis 8.2.3 reads them on x86.
    #[test]
    fn any_score_is_a_position() {
        let corner = at(180.0, -85.051_127_512_639_43);
        let cases = [
            (-1.0, at(180.0, MOST_LATITUDE)),
            (-1.5, at(180.0, MOST_LATITUDE)),
            (1.5, at(-179.999_997_317_790_99, -85.051_124_977_918_25)),
            (f64::INFINITY, at(-179.999_997_317_790_99, -85.051_127_512_639_43)),
            (f64::NEG_INFINITY, corner),
            (9_223_372_036_854_775_808.0, corner),
            (-9_223_372_036_854_775_808.0, corner),
            (-1e300, corner),
        ];
        for (score, position) in cases {
            assert_eq!(GeoPoint::of_score(Score::new(score).unwrap()), position, "{score}");
        }
        let mut chance = Chance::seeded(3);
        for _ in 0..100_000 {
            if let Some(score) = Score::new(f64::from_bits(chance.next_u64())) {
                assert!(GeoPoint::of_score(score).is_on_map(), "{score:?}");
            }
        }
    }

    #[test]
    fn positions_are_found_again_within_their_cell() {
        let mut chance = Chance::seeded(5);
        for _ in 0..50_000 {
            let position = some_position(&mut chance);
            let decoded = GeoPoint::of_score(position.score());
            assert!((decoded.longitude - position.longitude).abs() <= 360.0 / f64::from(1 << 26));
            assert!((decoded.latitude - position.latitude).abs() <= 180.0 / f64::from(1 << 26));
            assert_eq!(decoded.score(), position.score(), "the middle of a cell is in it");
            let (longitude, latitude) = indexes_of(position.score());
            assert_eq!(GeoCell { longitude, latitude, steps: 26 }, GeoCell::around(position, 26));
        }
    }

    #[test]
    fn a_cell_has_the_scores_of_its_positions_and_no_others() {
        let mut chance = Chance::seeded(7);
        for _ in 0..20_000 {
            let steps = 1 + chance.below(26) as u32;
            let (one, other) = (some_position(&mut chance), some_position(&mut chance));
            let cell = GeoCell::around(one, steps);
            assert!(cell.scores().contains(&one.score()));
            assert_eq!(cell.scores().contains(&other.score()), GeoCell::around(other, steps) == cell);
            let CellEdges { west, east, south, north } = cell.edges();
            assert!((west..=east).contains(&one.longitude) && (south..=north).contains(&one.latitude));
        }
    }

    #[test]
    fn neighbours_are_beside_a_cell_and_the_map_is_round() {
        let mut chance = Chance::seeded(9);
        for _ in 0..10_000 {
            let cell = GeoCell::around(some_position(&mut chance), 2 + chance.below(25) as u32);
            let east = cell.neighbour(Side::Behind, Side::Same);
            assert_eq!(east.neighbour(Side::Before, Side::Same), cell);
            let north = cell.neighbour(Side::Same, Side::Behind);
            assert_eq!(north.neighbour(Side::Same, Side::Before), cell);
            let is_last = cell.longitude == (1 << cell.steps) - 1;
            if is_last {
                assert_eq!(east.edges().west, -180.0);
            } else {
                assert_eq!(east.edges().west, cell.edges().east);
            }
        }
    }
}
