//! The types of values that stand in a file, by number, and what each is made of.

use super::packed::Packing;

/// A value's type and encoding.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Form {
    String,
    List(Lists),
    Set(Encoding),
    Ranking(Encoding),
    /// Of a type that rankd has not.
    Foreign(&'static str, Layout),
}

/// How a set or a ranking is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Encoding {
    /// A number of members, then each; a ranking's scores as text.
    Plain,
    /// As `Plain`, with scores as doubles.
    Doubles,
    /// One string.
    Packed(Packing),
}

/// How a list is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Lists {
    /// A number of elements, then each.
    Plain,
    /// One string.
    Packed(Packing),
    /// A number of strings, each of which is packed.
    Strings(Packing),
    /// A number of strings, each behind a number that says whether it is an element or is packed.
    Nodes(Packing),
}

/// What a foreign value is made of, as far as one must know to get past it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Layout {
    /// One string.
    Packed,
    /// A number, and for each of so many this many strings.
    Strings(u64),
    /// A time of eight bytes, then a string.
    TimedPacked,
    /// A number, and for each a time in the form of a length and two strings. `after_time`: a time of eight bytes first.
    TimedFields { after_time: bool },
    /// A number, and for each two strings and a time of eight bytes.
    FieldsWithTimes,
    /// A stream, as of this version of it.
    Stream(u8),
    /// A module's, which names what follows.
    Module,
    /// A number: of a rate limiter.
    Number,
    /// An array: elements with their places.
    Array,
    /// A hash whose fields stand in front of its values or in a template.
    Template { fields: Fields, values: Values },
}

/// Where a hash with a template has its fields.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Fields {
    /// In front of its values: what DUMP gives.
    Own,
    /// In a template that stands earlier in the file.
    Shared,
}

/// How a hash with a template has its values.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Values {
    /// As one string, which names the template too.
    Packed,
    /// As a string for each field, behind the template's number if that is shared.
    Strings,
}

pub(super) const STRING: u8 = 0;
pub(super) const LIST: u8 = 1;
pub(super) const SET: u8 = 2;
pub(super) const RANKING_DOUBLES: u8 = 5;

/// The file's maker: Valkey has given one number a meaning of its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Dialect {
    Redis,
    Valkey,
}

impl Form {
    /// The form with this number, `None` if there is none (or it never left a pre-release).
    pub(super) fn of(number: u8, dialect: Dialect) -> Option<Self> {
        use Layout::{Array, FieldsWithTimes, Module, Number, Packed, Stream, Strings, Template};
        use Layout::{TimedFields, TimedPacked};
        let foreign = |name, layout| Some(Self::Foreign(name, layout));
        match number {
            STRING => Some(Self::String),
            LIST => Some(Self::List(Lists::Plain)),
            SET => Some(Self::Set(Encoding::Plain)),
            3 => Some(Self::Ranking(Encoding::Plain)),
            4 => foreign("hash", Strings(2)),
            RANKING_DOUBLES => Some(Self::Ranking(Encoding::Doubles)),
            7 => foreign("module", Module),
            9 => foreign("hash", Packed),
            10 => Some(Self::List(Lists::Packed(Packing::Ziplist))),
            11 => Some(Self::Set(Encoding::Packed(Packing::Intset))),
            12 => Some(Self::Ranking(Encoding::Packed(Packing::Ziplist))),
            13 => foreign("hash", Packed),
            14 => Some(Self::List(Lists::Strings(Packing::Ziplist))),
            15 => foreign("stream", Stream(1)),
            16 => foreign("hash", Packed),
            17 => Some(Self::Ranking(Encoding::Packed(Packing::Listpack))),
            18 => Some(Self::List(Lists::Nodes(Packing::Listpack))),
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
