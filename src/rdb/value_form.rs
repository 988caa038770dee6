//! The value types of RDB files, by number, and the layout of each.

use super::packed::Packing;

/// A value's type and encoding.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum ValueForm {
    String,
    Set(Encoding),
    Ranking(Encoding),
    /// A type that rankd does not have: its name and its layout.
    Foreign(&'static str, Layout),
}

/// How a set or a ranking is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Encoding {
    /// The number of members, then the members; scores are text.
    Plain,
    /// As `Plain`, with scores as doubles.
    Doubles,
    /// Packed into one string.
    Packed(Packing),
}

/// The layout of a foreign value, as far as skipping it needs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Layout {
    /// Packed into one string.
    Packed,
    /// A count, and this many strings for each.
    Strings(u64),
    /// A count, and for each a node kind and a string.
    Nodes,
    /// A time of eight bytes, then a string.
    TimedPacked,
    /// A count, and for each a time, written as a length, and two strings. With `after_time`, a time of eight bytes
    /// comes first.
    TimedFields { after_time: bool },
    /// A count, and for each two strings and a time of eight bytes.
    FieldsWithTimes,
    /// A stream, in this version of its layout.
    Stream(u8),
    /// A module's value, whose parts carry codes.
    Module,
    /// A number, as rate limiters have it.
    Number,
    /// An array: elements with their positions.
    Array,
    /// A hash whose fields are in front of its values or in a template.
    Template { fields: Fields, values: Values },
}

/// Where the fields of a hash with a template are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Fields {
    /// In front of its values, as DUMP gives them.
    Own,
    /// In a template earlier in the file.
    Shared,
}

/// How the values of a hash with a template are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Values {
    /// As one string, which names the template too.
    Packed,
    /// As a string for each field, behind the template's number if that is shared.
    Strings,
}

pub(super) const STRING: u8 = 0;
pub(super) const SET: u8 = 2;
pub(super) const RANKING_DOUBLES: u8 = 5;

/// The kind of server that wrote the file. Valkey has given some numbers meanings of its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Dialect {
    Redis,
    Valkey,
}

impl ValueForm {
    /// The form with this number. `None` if no released server writes it.
    pub(super) fn of(number: u8, dialect: Dialect) -> Option<Self> {
        use Layout::{Array, FieldsWithTimes, Module, Nodes, Number, Packed, Stream, Strings, Template};
        use Layout::{TimedFields, TimedPacked};
        let foreign = |name, layout| Some(Self::Foreign(name, layout));
        match number {
            STRING => Some(Self::String),
            1 => foreign("list", Strings(1)),
            SET => Some(Self::Set(Encoding::Plain)),
            3 => Some(Self::Ranking(Encoding::Plain)),
            4 => foreign("hash", Strings(2)),
            RANKING_DOUBLES => Some(Self::Ranking(Encoding::Doubles)),
            7 => foreign("module", Module),
            9 => foreign("hash", Packed),
            10 => foreign("list", Packed),
            11 => Some(Self::Set(Encoding::Packed(Packing::Intset))),
            12 => Some(Self::Ranking(Encoding::Packed(Packing::Ziplist))),
            13 => foreign("hash", Packed),
            14 => foreign("list", Strings(1)),
            15 => foreign("stream", Stream(1)),
            16 => foreign("hash", Packed),
            17 => Some(Self::Ranking(Encoding::Packed(Packing::Listpack))),
            18 => foreign("list", Nodes),
            19 => foreign("stream", Stream(2)),
            20 => Some(Self::Set(Encoding::Packed(Packing::Listpack))),
            21 => foreign("stream", Stream(3)),
            22 if dialect == Dialect::Valkey => foreign("hash", FieldsWithTimes),
            22 => foreign("hash", TimedFields { after_time: false }),
            23 => foreign("hash", Packed),
            24 => foreign("hash", TimedFields { after_time: true }),
            25 => foreign("hash", TimedPacked),
            // Redis 8.6.
            26 if dialect == Dialect::Redis => foreign("stream", Stream(4)),
            // Redis 8.8.
            27 if dialect == Dialect::Redis => foreign("stream", Stream(5)),
            28 if dialect == Dialect::Redis => foreign("array", Array),
            // Redis 8.10.
            29..=32 if dialect == Dialect::Redis => {
                let fields = if number % 2 == 1 { Fields::Own } else { Fields::Shared };
                let values = if number < 31 { Values::Packed } else { Values::Strings };
                foreign("hash", Template { fields, values })
            }
            33 if dialect == Dialect::Redis => foreign("rate limiter", Number),
            _ => None,
        }
    }
}
