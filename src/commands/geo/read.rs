//! GEOPOS, GEODIST and GEOHASH: the positions of named members.

use super::distance::{DistanceText, LengthUnit, metres};
use super::geohash::GeoPoint;
use super::{BASE, parse_unit};
use crate::commands::call::Call;
use crate::commands::call::error::{CommandError, Outcome};
use crate::commands::spec::{CommandSpec, Flag, Handler, KeyFlag, Keys};
use crate::resp::reply::Reply;
use crate::store::{Board, Reader};

const READ: CommandSpec = CommandSpec {
    flags: &[Flag::Readonly],
    keys: Keys::first(&[KeyFlag::Ro, KeyFlag::Access]),
    complexity: "O(M) for M members",
    arity: -2,
    ..BASE
};

pub(in crate::commands) const COMMANDS: &[CommandSpec] = &[
    CommandSpec {
        name: "geopos",
        syntax: "key [member [member ...]]",
        summary: "Returns the longitudes and latitudes of members",
        run: Handler::Read(|keys, call, reply| {
            each_point(keys, call, reply, |point, reply| match point {
                Some(point) => write_point(point, reply),
                None => reply.null_array(),
            })
        }),
        ..READ
    },
    CommandSpec {
        name: "geohash",
        syntax: "key [member [member ...]]",
        summary: "Returns the positions of members as geohashes, as other systems write them",
        run: Handler::Read(|keys, call, reply| {
            each_point(keys, call, reply, |point, reply| match point {
                Some(point) => reply.bulk(&point.text()),
                None => reply.null(),
            })
        }),
        ..READ
    },
    CommandSpec {
        name: "geodist",
        syntax: "key member1 member2 [M | KM | FT | MI]",
        summary: "Returns the distance between two members",
        complexity: "O(1)",
        arity: -4,
        run: Handler::Read(geodist),
        ..READ
    },
];

/// Writes a reply for each member that the request names.
fn each_point(
    keys: Reader<'_>,
    call: &Call<'_>,
    reply: &mut Reply<'_>,
    write: impl Fn(Option<GeoPoint>, &mut Reply<'_>),
) -> Outcome {
    let board = keys.get::<Board>(call.argument(1))?;
    let members = call.cursor(2);
    reply.array(members.remaining());
    match board {
        Some(board) => board.scores(members, |points| {
            write(points.map(|points| GeoPoint::of_score(points.nearest())), reply);
        }),
        None => members.for_each(|_| write(None, reply)),
    }
    Ok(())
}

/// Writes a position as a pair of doubles.
pub(super) fn write_point(point: GeoPoint, reply: &mut Reply<'_>) {
    reply.array(2);
    reply.double(point.longitude);
    reply.double(point.latitude);
}

fn geodist(keys: Reader<'_>, call: &Call<'_>, reply: &mut Reply<'_>) -> Outcome {
    let unit = match call.arguments.len() {
        4 => LengthUnit::Metre,
        5 => parse_unit(call.argument(4))?,
        _ => return Err(CommandError::SYNTAX.into()),
    };
    let board = keys.get::<Board>(call.argument(1))?;
    let point = |at| {
        let points = board.and_then(|board| board.score(call.argument(at)));
        points.map(|points| GeoPoint::of_score(points.nearest()))
    };
    match point(2).zip(point(3)) {
        Some((one, other)) => reply.bulk(DistanceText::of(metres(one, other) / unit.metres()).as_bytes()),
        None => reply.null(),
    }
    Ok(())
}
