//! The value types of RDB files, by number, and the layout of each.

use super::packed::Packing;

/// A value's type and encoding.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum ValueForm {
    String,
    Set(Encoding),
    Ranking(Encoding),
    List(ListEncoding),
    Hash(HashEncoding),
    /// In this version of its layout.
    Stream(u8),
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

/// How a list is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum ListEncoding {
    /// A number of elements, then each.
    Plain,
    /// One string.
    Packed(Packing),
    /// A number of strings, each of which is packed.
    Strings(Packing),
    /// A number of strings, each behind a number that says whether it is an element or is packed.
    Nodes(Packing),
}

/// How a hash is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum HashEncoding {
    /// A number of fields, then each with its value.
    Plain,
    /// One string: fields and values.
    Packed(Packing),
    /// A number of fields, then each with its value and when it expires.
    Dated(Dating),
    /// One listpack: fields, values, and when each expires.
    PackedDated {
        /// Whether the earliest expiry is in front of it.
        after_time: bool,
    },
}

/// The encoding of the expiries of fields.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Dating {
    /// In front of each field, encoded as a length: the unix milliseconds, 0 for never.
    Times,
    /// Like `Times`, but relative: the difference to the earliest expiry, plus one. The earliest expiry is in front of the
    /// fields, in eight bytes.
    TimesFromFirst,
    /// After each value, in eight bytes, -1 for never.
    TimesBehind,
}

/// What a foreign value is made of, as far as one must know to get past it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Layout {
    /// A module's value, whose parts carry codes.
    Module,
    /// A number, as rate limiters have it.
    Number,
    /// An array: elements with their positions.
    Array,
    /// A hash whose fields are in front of its values or in a template.
    Template { fields: TemplateFields, values: Values },
}

/// Where the fields of a hash with a template are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum TemplateFields {
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
pub(super) const LIST: u8 = 1;
pub(super) const HASH: u8 = 4;
/// A stream without the times at which its consumers last did something.
pub(super) const STREAM_OF_7_0: u8 = 19;
pub(super) const STREAM: u8 = 21;
pub(super) const HASH_DATED: u8 = 24;
/// A stream with ids of producers.
pub(super) const STREAM_OF_8_6: u8 = 26;

/// The kind of server that wrote the file. Valkey has given some numbers meanings of its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Dialect {
    Redis,
    Valkey,
}

impl ValueForm {
    /// The form with this number. `None` if no released server writes it.
    pub(super) fn of(number: u8, dialect: Dialect) -> Option<Self> {
        use Layout::{Array, Module, Number, Template};
        let hash = |encoding| Some(Self::Hash(encoding));
        let foreign = |name, layout| Some(Self::Foreign(name, layout));
        match number {
            STRING => Some(Self::String),
            LIST => Some(Self::List(ListEncoding::Plain)),
            SET => Some(Self::Set(Encoding::Plain)),
            3 => Some(Self::Ranking(Encoding::Plain)),
            HASH => hash(HashEncoding::Plain),
            RANKING_DOUBLES => Some(Self::Ranking(Encoding::Doubles)),
            7 => foreign("module", Module),
            9 => hash(HashEncoding::Packed(Packing::Zipmap)),
            10 => Some(Self::List(ListEncoding::Packed(Packing::Ziplist))),
            11 => Some(Self::Set(Encoding::Packed(Packing::Intset))),
            12 => Some(Self::Ranking(Encoding::Packed(Packing::Ziplist))),
            13 => hash(HashEncoding::Packed(Packing::Ziplist)),
            14 => Some(Self::List(ListEncoding::Strings(Packing::Ziplist))),
            15 => Some(Self::Stream(1)),
            16 => hash(HashEncoding::Packed(Packing::Listpack)),
            17 => Some(Self::Ranking(Encoding::Packed(Packing::Listpack))),
            18 => Some(Self::List(ListEncoding::Nodes(Packing::Listpack))),
            STREAM_OF_7_0 => Some(Self::Stream(2)),
            20 => Some(Self::Set(Encoding::Packed(Packing::Listpack))),
            STREAM => Some(Self::Stream(3)),
            22 if dialect == Dialect::Valkey => hash(HashEncoding::Dated(Dating::TimesBehind)),
            22 => hash(HashEncoding::Dated(Dating::Times)),
            23 => hash(HashEncoding::PackedDated { after_time: false }),
            HASH_DATED => hash(HashEncoding::Dated(Dating::TimesFromFirst)),
            25 => hash(HashEncoding::PackedDated { after_time: true }),
            // Redis 8.6.
            STREAM_OF_8_6 if dialect == Dialect::Redis => Some(Self::Stream(4)),
            // Redis 8.8.
            27 if dialect == Dialect::Redis => Some(Self::Stream(5)),
            28 if dialect == Dialect::Redis => foreign("array", Array),
            // Redis 8.10.
            29..=32 if dialect == Dialect::Redis => {
                let fields = if number % 2 == 1 { TemplateFields::Own } else { TemplateFields::Shared };
                let values = if number < 31 { Values::Packed } else { Values::Strings };
                foreign("hash with a template", Template { fields, values })
            }
            33 if dialect == Dialect::Redis => foreign("rate limiter", Number),
            _ => None,
        }
    }
}
