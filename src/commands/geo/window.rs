//! The window of a search: the longitudes and latitudes outside of which nothing is in the shape, as indexes of cells. Pure
//! arithmetic.
//!
//! The cells that a search reads have up to ten times the area of its shape. To compare two integers takes a fraction of
//! the time of the sines and cosines of a distance. The window is a little too large and never too small: what is in it has
//! its distance computed.

use super::distance::{EARTH_RADIUS_METRES, radians};
use super::geohash::{GeoPoint, MOST_LATITUDE, MOST_LONGITUDE, MOST_STEPS, indexes_of};
use super::shape::{Outline, SearchShape};
use crate::ranking::Score;
use std::f64::consts::FRAC_PI_2;

/// Cells of the smallest size in each direction.
const CELLS: u32 = 1 << MOST_STEPS;

/// What the window is larger than the shape on each side, in radians (60 m): far more than all roundings.
const MARGIN: f64 = 1e-5;

/// Shapes that reach farther, in radians, have no window.
const LARGEST: f64 = 1.0;

/// The indexes between which a shape is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct IndexWindow {
    /// The lowest and the highest latitude.
    latitudes: [u32; 2],
    /// The lowest longitude, and how many follow, across the date line if need be.
    longitudes: [u32; 2],
}

impl IndexWindow {
    /// The window of everything.
    const ALL: Self = Self { latitudes: [0, u32::MAX], longitudes: [0, CELLS - 1] };

    /// The window of `shape`.
    #[must_use]
    pub fn of(shape: &SearchShape) -> Self {
        let GeoPoint { longitude, latitude } = shape.center();
        let (across, along) = shape.half_metres();
        let height = along / EARTH_RADIUS_METRES + MARGIN;
        // The latitude nearest to a pole.
        let nearest = radians(latitude.abs()) + height;
        if height > LARGEST || nearest >= FRAC_PI_2 {
            return Self::ALL;
        }
        let half_angle = across / EARTH_RADIUS_METRES / 2.0;
        let width = match shape.outline() {
            // Where a meridian touches the circle.
            Outline::Circle { .. } => height.sin() / radians(latitude).cos(),
            // As of the haversine of a distance along a parallel.
            Outline::Box { .. } if half_angle < LARGEST => half_angle.sin() / nearest.cos(),
            Outline::Box { .. } => 1.0,
        };
        let width = match shape.outline() {
            Outline::Circle { .. } => width.asin(),
            Outline::Box { .. } => 2.0 * width.asin(),
        } + MARGIN;
        let latitudes = [latitude - height.to_degrees(), latitude + height.to_degrees()]
            .map(|latitude| index(latitude, MOST_LATITUDE));
        let [south, north] = latitudes;
        // Redis takes a position beyond the edge of the map for one on the edge.
        let north = if north >= CELLS - 1 { u32::MAX } else { north };
        // NaN for an arc sine of more than 1: then every longitude is in the window.
        let longitudes = if width < LARGEST {
            let width = (width.to_degrees() / MOST_LONGITUDE / 2.0 * f64::from(CELLS)).ceil() as u32 + 1;
            [index(longitude, MOST_LONGITUDE).wrapping_sub(width) % CELLS, 2 * width]
        } else {
            Self::ALL.longitudes
        };
        Self { latitudes: [south, north], longitudes }
    }

    /// Whether a member with this score can be in the shape.
    #[must_use]
    pub fn contains(&self, score: Score) -> bool {
        let (longitude, latitude) = indexes_of(score);
        let [south, north] = self.latitudes;
        let [west, width] = self.longitudes;
        // The eastern edge of the map and all that is beyond it is the date line, the first longitude.
        let longitude = if longitude < CELLS { longitude } else { 0 };
        (south..=north).contains(&latitude) & (longitude.wrapping_sub(west) % CELLS <= width)
    }
}

/// The index of the cell at `degrees`, or of the first or last one.
fn index(degrees: f64, most: f64) -> u32 {
    ((degrees + most) / (most + most) * f64::from(CELLS)) as u32
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::machine::chance::Chance;

    fn degrees(chance: &mut Chance, most: f64) -> f64 {
        match chance.below(20) {
            0 => most,
            1 => -most,
            _ => (chance.below(1 << 50) as f64 / (1u64 << 49) as f64 - 1.0) * most,
        }
    }

    fn extent(chance: &mut Chance) -> f64 {
        match chance.below(12) {
            0 => 0.0,
            1 => f64::INFINITY,
            _ => 10f64.powi(chance.below(9) as i32 - 1) * (1.0 + chance.below(900) as f64 / 100.0),
        }
    }

    /// What is in the shape is in the window, also at the poles and across the date line, and also with scores that GEOADD
    /// does not make.
    #[test]
    fn the_window_of_a_shape_hides_nothing() {
        let mut chance = Chance::seeded(23);
        let (mut inside, mut hidden) = (0, 0);
        for _ in 0..400_000 {
            let center = GeoPoint {
                longitude: degrees(&mut chance, MOST_LONGITUDE),
                latitude: degrees(&mut chance, MOST_LATITUDE),
            };
            let outline = if chance.below(2) == 0 {
                Outline::Circle { radius_metres: extent(&mut chance) }
            } else {
                Outline::Box { width_metres: extent(&mut chance), height_metres: extent(&mut chance) }
            };
            let shape = SearchShape::new(center, outline);
            let reach = shape.reach_metres().min(2e7) / 111_000.0;
            let longitude = center.longitude + degrees(&mut chance, reach) / radians(center.latitude).cos();
            let longitude = (longitude + 180.0).rem_euclid(360.0) - 180.0;
            let latitude = center.latitude + degrees(&mut chance, reach);
            let point = GeoPoint { longitude, latitude: latitude.clamp(-MOST_LATITUDE, MOST_LATITUDE) };
            let score = match chance.below(10) {
                0 => center.score(),
                1 => Score::new(chance.below(1 << 55) as f64).unwrap_or_default(),
                _ => point.score(),
            };
            let is_inside = shape.metres_to(GeoPoint::of_score(score)).is_some();
            let may_be = IndexWindow::of(&shape).contains(score);
            assert!(may_be || !is_inside, "{shape:?} {score:?}");
            inside += usize::from(is_inside);
            hidden += usize::from(!may_be);
        }
        assert!(inside > 100_000 && hidden > 50_000, "{inside} inside, {hidden} outside of the window");
    }
}
