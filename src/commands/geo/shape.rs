//! What a search looks for: the positions in a circle or in a box around a point. Pure arithmetic.

use super::distance::{DistanceOrigin, EARTH_RADIUS_METRES, degrees, meridian_metres, radians};
use super::geohash::{CellEdges, GeoPoint};

/// A circle or a box, measured in metres.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Outline {
    /// All positions up to this distance.
    Circle {
        /// In metres; it can be infinite.
        radius_metres: f64,
    },
    /// All positions up to half the width to the east and west, measured at their own latitude, and up to half the height to
    /// the north and south.
    Box {
        /// In metres; it can be infinite.
        width_metres: f64,
        /// In metres; it can be infinite.
        height_metres: f64,
    },
}

/// An outline around a point.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct SearchShape {
    origin: DistanceOrigin,
    outline: Outline,
}

impl SearchShape {
    /// `outline` around `center`, which must be on the map. No measure may be negative or NaN.
    #[must_use]
    pub fn new(center: GeoPoint, outline: Outline) -> Self {
        Self { origin: DistanceOrigin::new(center), outline }
    }

    /// Its center.
    #[must_use]
    pub fn center(&self) -> GeoPoint {
        self.origin.position()
    }

    /// Its outline.
    #[must_use]
    pub fn outline(&self) -> Outline {
        self.outline
    }

    /// The distance of `point` from the center in metres, if it is in the shape.
    #[must_use]
    pub fn metres_to(&self, point: GeoPoint) -> Option<f64> {
        match self.outline {
            Outline::Circle { radius_metres } => {
                Some(self.origin.metres_to(point)).filter(|&metres| metres <= radius_metres)
            }
            Outline::Box { width_metres, height_metres } => {
                let center = self.center();
                let beside = GeoPoint { longitude: center.longitude, ..point };
                let is_in = meridian_metres(point.latitude, center.latitude) <= height_metres / 2.0
                    && DistanceOrigin::new(point).metres_to(beside) <= width_metres / 2.0;
                is_in.then(|| self.origin.metres_to(point))
            }
        }
    }

    /// The distance of its farthest position, in metres, as on a plane.
    #[must_use]
    pub fn reach_metres(&self) -> f64 {
        match self.outline {
            Outline::Circle { radius_metres } => radius_metres,
            Outline::Box { width_metres, height_metres } => {
                let (across, along) = (width_metres / 2.0, height_metres / 2.0);
                (across * across + along * along).sqrt()
            }
        }
    }

    /// Half its extent to the east and west, and to the north and south, in metres.
    #[must_use]
    pub fn half_metres(&self) -> (f64, f64) {
        match self.outline {
            Outline::Circle { radius_metres } => (radius_metres, radius_metres),
            Outline::Box { width_metres, height_metres } => (width_metres / 2.0, height_metres / 2.0),
        }
    }

    /// The longitudes and latitudes between which Redis expects the shape. Near a pole, and for shapes of more than a quarter
    /// of the earth, they mean little: the cosine is that of an angle beyond the pole. The choice of cells rests on them, and
    /// with it the order of replies, so they are kept as they are.
    #[must_use]
    pub fn bounds(&self) -> CellEdges {
        let GeoPoint { longitude, latitude } = self.center();
        let (across, along) = self.half_metres();
        let height = degrees(along / EARTH_RADIUS_METRES);
        // On the side of the nearer pole the meridians are closer.
        let nearer_pole = if latitude < 0.0 { latitude - height } else { latitude + height };
        let width = degrees(across / EARTH_RADIUS_METRES / radians(nearer_pole).cos());
        CellEdges {
            west: longitude - width,
            east: longitude + width,
            south: latitude - height,
            north: latitude + height,
        }
    }
}
