//! Any score is a position, and any shape has cells and a window: no panic, no overflow, no cell twice, and the window hides
//! nothing that is in the shape.

#![no_main]

use arbitrary::Arbitrary;
use libfuzzer_sys::fuzz_target;
use rankd::commands::geo::covering::cells_of;
use rankd::commands::geo::distance::{DistanceText, LengthUnit, metres};
use rankd::commands::geo::geohash::{GeoPoint, MOST_LATITUDE, MOST_LONGITUDE};
use rankd::commands::geo::nearest::sort_first;
use rankd::commands::geo::shape::{Outline, SearchShape};
use rankd::commands::geo::window::IndexWindow;
use rankd::ranking::Score;

#[derive(Debug, Arbitrary)]
struct Input<'a> {
    center: [f64; 2],
    lengths: [f64; 2],
    is_box: bool,
    scores: Vec<f64>,
    wanted: u8,
    unit: &'a [u8],
}

/// A point of the map: what is beyond it is folded back.
fn point([longitude, latitude]: [f64; 2]) -> GeoPoint {
    let folded = |degrees: f64, most: f64| if degrees.is_finite() { degrees % most } else { most };
    GeoPoint { longitude: folded(longitude, MOST_LONGITUDE), latitude: folded(latitude, MOST_LATITUDE) }
}

fn length(length: f64) -> f64 {
    if length.is_nan() { 0.0 } else { length.abs() }
}

fuzz_target!(|input: Input<'_>| {
    let center = point(input.center);
    assert!(center.is_on_map());
    let unit = LengthUnit::named(input.unit).unwrap_or(LengthUnit::Metre);
    let [width_metres, height_metres] = input.lengths.map(|each| length(each) * unit.metres());
    let outline = if input.is_box {
        Outline::Box { width_metres, height_metres }
    } else {
        Outline::Circle { radius_metres: width_metres }
    };
    let shape = SearchShape::new(center, outline);
    let cells = cells_of(&shape);
    assert!(cells[0].scores().contains(&center.score()));
    let mut ranges: Vec<_> = cells.iter().map(|cell| cell.scores()).collect();
    ranges.sort_by_key(|range| range.start);
    assert!(ranges.windows(2).all(|pair| pair[0].end <= pair[1].start));
    let window = IndexWindow::of(&shape);
    let mut distances = Vec::new();
    for score in input.scores.iter().filter_map(|&score| Score::new(score)) {
        let found = GeoPoint::of_score(score);
        assert!(found.is_on_map());
        assert!(found.text().iter().all(u8::is_ascii_alphanumeric));
        let distance = metres(center, found);
        assert!((0.0..20_100_000.0).contains(&distance), "{distance}");
        assert!(DistanceText::of(distance / unit.metres()).as_bytes().len() >= 6);
        assert!(shape.metres_to(found).is_none() || window.contains(score), "{shape:?} {found:?}");
        distances.push(distance);
    }
    if !distances.is_empty() {
        let wanted = 1 + usize::from(input.wanted) % distances.len();
        let mut sorted = distances.clone();
        sorted.sort_by(f64::total_cmp);
        sort_first(&mut distances, wanted, &f64::total_cmp);
        assert_eq!(distances[..wanted], sorted[..wanted]);
    }
});
