//! Random commands on places, and on sorted sets whose scores are read as places.

use super::draw::{BOARDS, PLACES, key, maybe, member, score};
use crate::support::chance::Chance;

/// A longitude or a latitude up to `most`: mostly one of few, so that places meet, sometimes on an edge or beyond it.
fn degrees(chance: &mut Chance, most: f64) -> String {
    match chance.below(40) {
        0 => most.to_string(),
        1 => (-most).to_string(),
        2 => (most + 0.1).to_string(),
        3 => score(chance),
        4..20 => (chance.below(9) as f64 / 2.0 - 1.0).to_string(),
        20..34 => (chance.below(1000) as f64 / 100.0 - 3.0).to_string(),
        _ => ((chance.below(2_000_000) as f64 / 1_000_000.0 - 1.0) * most).to_string(),
    }
}

fn point(chance: &mut Chance, words: &mut Vec<String>) {
    words.extend([degrees(chance, 180.0), degrees(chance, 85.05112878)]);
}

fn length(chance: &mut Chance) -> String {
    match chance.below(30) {
        0 => "0".to_owned(),
        1 => "inf".to_owned(),
        2 => score(chance),
        3..8 => (chance.below(1000) as f64 / 7.0).to_string(),
        _ => format!("{}e{}", 1 + chance.below(9), chance.below(5)),
    }
}

fn unit(chance: &mut Chance) -> String {
    chance.pick(&["m", "km", "km", "KM", "mi", "ft", "FT"]).to_owned()
}

fn circle(chance: &mut Chance, words: &mut Vec<String>) {
    words.extend([length(chance), unit(chance)]);
}

/// What the searches have in common.
fn options(chance: &mut Chance, words: &mut Vec<String>) {
    maybe(chance, 50, words, &["ASC", "DESC", "desc"]);
    if chance.percent(40) {
        words.extend(["COUNT".to_owned(), (chance.below(12) as i64).to_string()]);
        maybe(chance, 40, words, &["ANY", "any"]);
    }
}

fn details(chance: &mut Chance, words: &mut Vec<String>) {
    maybe(chance, 40, words, &["WITHDIST", "withdist"]);
    maybe(chance, 25, words, &["WITHHASH"]);
    maybe(chance, 25, words, &["WITHCOORD"]);
}

/// The middle and the outline of a GEOSEARCH, in either order.
fn shape(chance: &mut Chance, words: &mut Vec<String>) {
    let mut middle = Vec::new();
    if chance.percent(40) {
        middle.extend(["FROMMEMBER".to_owned(), member(chance)]);
    } else {
        middle.push("FROMLONLAT".to_owned());
        point(chance, &mut middle);
    }
    let mut outline = Vec::new();
    if chance.percent(50) {
        outline.push("BYRADIUS".to_owned());
    } else {
        outline.extend(["BYBOX".to_owned(), length(chance)]);
    }
    circle(chance, &mut outline);
    if chance.percent(80) {
        middle.append(&mut outline);
        words.append(&mut middle);
    } else {
        outline.append(&mut middle);
        words.append(&mut outline);
    }
}

/// Where a result goes.
fn destination(chance: &mut Chance) -> String {
    key(chance, &["d", "d", PLACES[1]])
}

pub(super) fn place_command(chance: &mut Chance) -> Vec<String> {
    let places = if chance.percent(5) { key(chance, &BOARDS) } else { key(chance, &PLACES) };
    let mut words = Vec::new();
    match chance.below(24) {
        0..7 => {
            words.extend(["GEOADD".to_owned(), places]);
            maybe(chance, 12, &mut words, &["NX", "XX", "nx"]);
            maybe(chance, 20, &mut words, &["CH", "ch"]);
            for _ in 0..1 + chance.below(5) {
                point(chance, &mut words);
                words.push(member(chance));
            }
        }
        7..9 => {
            words.extend([chance.pick(&["GEOPOS", "GEOHASH"]).to_owned(), places]);
            words.extend((0..chance.below(4)).map(|_| member(chance)));
        }
        9 => {
            words.extend(["GEODIST".to_owned(), places, member(chance), member(chance)]);
            maybe(chance, 60, &mut words, &["m", "km", "FT", "mi", "yd"]);
        }
        10..17 => {
            words.extend(["GEOSEARCH".to_owned(), places]);
            shape(chance, &mut words);
            options(chance, &mut words);
            details(chance, &mut words);
        }
        17..19 => {
            words.extend(["GEOSEARCHSTORE".to_owned(), destination(chance), places]);
            shape(chance, &mut words);
            options(chance, &mut words);
            maybe(chance, 40, &mut words, &["STOREDIST"]);
            maybe(chance, 3, &mut words, &["WITHDIST"]);
        }
        19 => words.extend(["ZADD".to_owned(), places, score(chance), member(chance)]),
        _ => {
            let name = ["GEORADIUS", "GEORADIUSBYMEMBER", "GEORADIUS_RO", "GEORADIUSBYMEMBER_RO"];
            words.extend([chance.pick(&name).to_owned(), places]);
            if words[0].contains("MEMBER") {
                words.push(member(chance));
            } else {
                point(chance, &mut words);
            }
            circle(chance, &mut words);
            options(chance, &mut words);
            if chance.percent(30) {
                words.extend([chance.pick(&["STORE", "STOREDIST"]).to_owned(), destination(chance)]);
            } else {
                details(chance, &mut words);
            }
            if chance.percent(5) {
                drop(words.splice(0..0, ["COMMAND".to_owned(), "GETKEYS".to_owned()]));
            }
        }
    }
    words
}
