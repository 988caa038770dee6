//! Past values of the types that rankd has not, to the byte.

use super::error::Error;
use super::form::{Fields, Layout, Values};
use super::packed::{Packed, Packing};
use super::source::Source;
use std::collections::BTreeMap;
use std::io::Read;

/// What stands in front of each part of a module's value.
mod part {
    pub(super) const END: u64 = 0;
    pub(super) const SIGNED: u64 = 1;
    pub(super) const UNSIGNED: u64 = 2;
    pub(super) const FLOAT: u64 = 3;
    pub(super) const DOUBLE: u64 = 4;
    pub(super) const STRING: u64 = 5;
}

/// What stands in front of each element of an array.
mod element {
    pub(super) const LONG_STRING: u64 = 0;
    pub(super) const INTEGER: u64 = 1;
    pub(super) const DOUBLE: u64 = 2;
    pub(super) const SHORT_STRING: u64 = 3;
}

/// The templates of hashes in a file: how many fields each has, by its number. Kept of each is less than what stands of
/// it in the file.
#[derive(Debug, Default)]
pub(super) struct Templates(BTreeMap<u64, u64>);

impl Templates {
    /// Reads a template.
    pub(super) fn read<R: Read>(&mut self, source: &mut Source<R>) -> Result<(), Error> {
        let (number, fields) = (source.length()?, source.length()?);
        skip_strings(source, fields)?;
        if fields == 0 || self.0.insert(number, fields).is_some() {
            return source.malformed("a template of no fields, or a second one of its number");
        }
        Ok(())
    }

    fn fields<R: Read>(&self, source: &Source<R>, number: u64) -> Result<u64, Error> {
        let fields = self.0.get(&number).copied();
        fields.map_or_else(|| source.malformed("a hash whose template is not there"), Ok)
    }
}

/// Passes over a value. Returns the name of the module type, if it is a module's.
pub(super) fn skip<R: Read>(
    source: &mut Source<R>,
    layout: Layout,
    templates: &Templates,
) -> Result<Option<String>, Error> {
    match layout {
        Layout::Packed => source.skip_string()?,
        Layout::TimedPacked => {
            source.skip(8)?;
            source.skip_string()?;
        }
        Layout::Strings(each) => {
            for _ in 0..source.length()? {
                skip_strings(source, each)?;
            }
        }
        Layout::TimedFields { after_time } => {
            source.skip(if after_time { 8 } else { 0 })?;
            for _ in 0..source.length()? {
                source.length()?;
                source.skip_string()?;
                source.skip_string()?;
            }
        }
        Layout::FieldsWithTimes => {
            for _ in 0..source.length()? {
                source.skip_string()?;
                source.skip_string()?;
                source.skip(8)?;
            }
        }
        Layout::Stream(version) => skip_stream(source, version)?,
        Layout::Module => {
            let name = module_name(source.length()?);
            skip_module_parts(source)?;
            return Ok(Some(name));
        }
        Layout::Number => drop(source.length()?),
        Layout::Array => skip_array(source)?,
        Layout::Template { fields, values } => {
            let fields = match (fields, values) {
                (Fields::Own, _) => own_fields(source)?,
                // The string names it.
                (Fields::Shared, Values::Packed) => 0,
                (Fields::Shared, Values::Strings) => {
                    let number = source.length()?;
                    templates.fields(source, number)?
                }
            };
            skip_strings(source, if values == Values::Packed { 1 } else { fields })?;
        }
    }
    Ok(None)
}

fn skip_strings<R: Read>(source: &mut Source<R>, count: u64) -> Result<(), Error> {
    (0..count).try_for_each(|_| source.skip_string())
}

fn skip_lengths<R: Read>(source: &mut Source<R>, count: u64) -> Result<(), Error> {
    (0..count).try_for_each(|_| source.length().map(drop))
}

/// Passes over the fields that stand in front of a hash's values. Returns how many there are.
fn own_fields<R: Read>(source: &mut Source<R>) -> Result<u64, Error> {
    match source.length()? {
        0 => {
            let mut packed = Packed::begin(source, Packing::Listpack)?;
            while packed.next_element()?.is_some() {}
            Ok(packed.found())
        }
        1 => {
            let fields = source.length()?;
            skip_strings(source, fields)?;
            Ok(fields)
        }
        _ => source.malformed("fields of no known form"),
    }
}

fn skip_array<R: Read>(source: &mut Source<R>) -> Result<(), Error> {
    let elements = source.length()?;
    // Where the next insertion goes, if there was one.
    match source.length()? {
        0 => {}
        1 => drop(source.length()?),
        _ => return source.malformed("an array of no known form"),
    }
    for _ in 0..elements {
        let _place = source.length()?;
        match source.length()? {
            element::LONG_STRING | element::SHORT_STRING => source.skip_string()?,
            element::INTEGER | element::DOUBLE => source.skip(8)?,
            _ => return source.malformed("an array's element of no known kind"),
        }
    }
    Ok(())
}

fn skip_stream<R: Read>(source: &mut Source<R>, version: u8) -> Result<(), Error> {
    const ENTRY_ID_BYTES: u64 = 16;
    const TIME_BYTES: u64 = 8;
    for _ in 0..source.length()? {
        skip_strings(source, 2)?;
    }
    // Length and last entry; then first entry, last deleted entry (two numbers each) and entries ever added.
    skip_lengths(source, if version >= 2 { 8 } else { 3 })?;
    for _ in 0..source.length()? {
        // A group's name, last entry, and how many it has read.
        source.skip_string()?;
        skip_lengths(source, if version >= 2 { 3 } else { 2 })?;
        for _ in 0..source.length()? {
            // A pending entry, when it was delivered, and how often.
            source.skip(ENTRY_ID_BYTES + TIME_BYTES)?;
            source.length()?;
        }
        for _ in 0..source.length()? {
            // A consumer, when it was seen and when active, and what is pending for it.
            source.skip_string()?;
            source.skip(if version >= 3 { 2 * TIME_BYTES } else { TIME_BYTES })?;
            for _ in 0..source.length()? {
                source.skip(ENTRY_ID_BYTES)?;
            }
        }
        if version >= 5 {
            // Entries that have been given back and are nobody's.
            for _ in 0..source.length()? {
                source.skip(ENTRY_ID_BYTES)?;
            }
        }
    }
    if version >= 4 {
        // How long producers' marks are kept and how many; then each producer's marks with their entries, and how many
        // marks there were and how many came twice.
        skip_lengths(source, 2)?;
        for _ in 0..source.length()? {
            source.skip_string()?;
            for _ in 0..source.length()? {
                source.skip_string()?;
                skip_lengths(source, 2)?;
            }
        }
        skip_lengths(source, 2)?;
    }
    Ok(())
}

/// Passes over what a module wrote, up to and with its end.
pub(super) fn skip_module_parts<R: Read>(source: &mut Source<R>) -> Result<(), Error> {
    loop {
        match source.length()? {
            part::END => return Ok(()),
            part::SIGNED | part::UNSIGNED => drop(source.length()?),
            part::FLOAT => source.skip(4)?,
            part::DOUBLE => source.skip(8)?,
            part::STRING => source.skip_string()?,
            _ => return source.malformed("a module's data of no known kind"),
        }
    }
}

/// Passes over what modules keep for a key, and calls `visit` with the name of each kind of it.
pub(super) fn skip_key_data<R: Read>(
    source: &mut Source<R>,
    mut visit: impl FnMut(String),
) -> Result<(), Error> {
    for _ in 0..source.length()? {
        // Four letters of six bits each, a version of five bits, flags of three.
        let kind = u32::from_le_bytes(source.bytes()?);
        visit((0..4).map(|place| char::from(LETTERS[(kind >> (26 - 6 * place) & 0x3f) as usize])).collect());
        skip_module_parts(source)?;
    }
    Ok(())
}

const LETTERS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

/// A module type's number spells nine letters of six bits each, and a version of ten bits.
pub(super) fn module_name(number: u64) -> String {
    (0..9).map(|place| char::from(LETTERS[(number >> (58 - 6 * place) & 0x3f) as usize])).collect()
}
