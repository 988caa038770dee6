//! The cells that a search reads: the one around the center, and those beside it into which the shape reaches. Pure arithmetic.
//!
//! Which cells these are, and their order, decides the order of a reply without ASC and DESC, and what `COUNT ANY` returns.
//! So the choice is Redis's, with its gaps: near the poles and for shapes larger than a quarter of the earth it can leave
//! cells out.

use super::geohash::{GeoCell, MOST_STEPS, Side};
use super::shape::SearchShape;
use smallvec::SmallVec;

/// Half the side of the map in the projection of the web, in metres. Larger shapes need the largest cells.
const MAP_METRES: f64 = 20_037_726.37;

/// Latitudes from which on a cell is so narrow that the next larger ones are taken.
const NARROWER_FROM: [f64; 2] = [66.0, 80.0];

/// The cell of the center and its neighbours, in the order in which they are read.
const AROUND: [(Side, Side); 9] = [
    (Side::Same, Side::Same),
    (Side::Same, Side::Behind),
    (Side::Same, Side::Before),
    (Side::Behind, Side::Same),
    (Side::Before, Side::Same),
    (Side::Behind, Side::Behind),
    (Side::Before, Side::Behind),
    (Side::Behind, Side::Before),
    (Side::Before, Side::Before),
];

/// The cells that are read for `shape`, each once, in their order.
#[must_use]
pub fn cells_of(shape: &SearchShape) -> SmallVec<[GeoCell; AROUND.len()]> {
    let bounds = shape.bounds();
    let mut steps = steps_for(shape.reach_metres(), shape.center().latitude);
    let mut center = GeoCell::around(shape.center(), steps);
    if steps > 1 {
        let north = center.neighbour(Side::Same, Side::Behind).edges().north;
        let south = center.neighbour(Side::Same, Side::Before).edges().south;
        let east = center.neighbour(Side::Behind, Side::Same).edges().east;
        let west = center.neighbour(Side::Before, Side::Same).edges().west;
        let reaches_beyond =
            north < bounds.north || south > bounds.south || east < bounds.east || west > bounds.west;
        if reaches_beyond {
            steps -= 1;
            center = GeoCell::around(shape.center(), steps);
        }
    }
    let edges = center.edges();
    // Halved only once, the map has two cells in each direction, and a neighbour is on both sides.
    let is_needed = |(longitude, latitude): (Side, Side)| {
        steps == 1
            || !(latitude == Side::Before && edges.south < bounds.south
                || latitude == Side::Behind && edges.north > bounds.north
                || longitude == Side::Before && edges.west < bounds.west
                || longitude == Side::Behind && edges.east > bounds.east)
    };
    let mut cells: SmallVec<[GeoCell; AROUND.len()]> = SmallVec::new();
    for (longitude, latitude) in AROUND.into_iter().filter(|&around| is_needed(around)) {
        let cell = center.neighbour(longitude, latitude);
        if !cells.contains(&cell) {
            cells.push(cell);
        }
    }
    cells
}

/// How often the map is halved, so that a cell and its neighbours cover a circle of this radius.
fn steps_for(radius_metres: f64, latitude: f64) -> u32 {
    if radius_metres == 0.0 {
        return MOST_STEPS;
    }
    let mut doubled = radius_metres;
    let mut steps = -1;
    while doubled < MAP_METRES {
        doubled *= 2.0;
        steps += 1;
    }
    steps -= NARROWER_FROM.iter().filter(|&&from| latitude.abs() > from).count() as i32;
    steps.clamp(1, MOST_STEPS as i32).cast_unsigned()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::commands::geo::distance::metres;
    use crate::commands::geo::geohash::GeoPoint;
    use crate::commands::geo::shape::Outline;
    use crate::machine::chance::Chance;

    #[test]
    fn small_shapes_read_small_cells() {
        assert_eq!(steps_for(0.0, 0.0), 26);
        assert_eq!(steps_for(5e-324, 0.0), 26);
        assert_eq!(steps_for(1.0, 0.0), 24);
        assert_eq!(steps_for(1000.0, 0.0), 14);
        assert_eq!(steps_for(1000.0, 70.0), 13);
        assert_eq!(steps_for(1000.0, -81.0), 12);
        assert_eq!(steps_for(20_037_726.37, 0.0), 1);
        assert_eq!(steps_for(f64::INFINITY, 85.0), 1);
    }

    #[test]
    fn no_cell_is_read_twice_and_no_score_is_in_two() {
        let mut chance = Chance::seeded(17);
        for _ in 0..30_000 {
            let edge = |chance: &mut Chance, most: f64| match chance.below(6) {
                0 => most,
                1 => -most,
                _ => (chance.below(1 << 40) as f64 / (1u64 << 39) as f64 - 1.0) * most,
            };
            let center =
                GeoPoint { longitude: edge(&mut chance, 180.0), latitude: edge(&mut chance, 85.05112878) };
            let radius_metres = 10f64.powi(chance.below(10) as i32 - 1) * (1.0 + chance.below(9) as f64);
            let cells = cells_of(&SearchShape::new(center, Outline::Circle { radius_metres }));
            assert!(cells[0].scores().contains(&center.score()));
            let mut scores: Vec<_> = cells.iter().map(|cell| cell.scores()).collect();
            scores.sort_by_key(|scores| scores.start);
            assert!(scores.windows(2).all(|pair| pair[0].end <= pair[1].start), "{center:?} {radius_metres}");
        }
    }

    /// Away from the poles and the date line a search of less than a thousand kilometres misses nothing.
    #[test]
    fn what_is_near_is_in_a_cell_that_is_read() {
        let mut chance = Chance::seeded(19);
        let mut near = 0;
        for _ in 0..100_000 {
            let mut degrees = |most: f64| (chance.below(1 << 40) as f64 / (1u64 << 39) as f64 - 1.0) * most;
            let center = GeoPoint { longitude: degrees(150.0), latitude: degrees(60.0) };
            let apart = degrees(0.1).abs();
            let point = GeoPoint {
                longitude: center.longitude + degrees(1.0) * apart * 90.0,
                latitude: center.latitude + degrees(1.0) * apart * 90.0,
            };
            let radius_metres = apart * 10_000_000.0;
            let shape = SearchShape::new(center, Outline::Circle { radius_metres });
            let stored = GeoPoint::of_score(point.score());
            if metres(center, stored) <= radius_metres {
                near += 1;
                let is_read = cells_of(&shape).iter().any(|cell| cell.scores().contains(&point.score()));
                assert!(is_read, "{center:?} {point:?} {radius_metres}");
            }
        }
        assert!(near > 10_000, "{near} of the points were near");
    }
}
