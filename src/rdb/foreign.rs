//! Skips values of the types that rankd does not have, exactly to their last byte.

use super::error::Error;
use super::packed::{Packed, Packing};
use super::source::RdbSource;
use super::value_form::{Layout, TemplateFields, Values};
use std::collections::BTreeMap;
use std::io::Read;

/// The codes in front of the parts of a module's value.
mod part {
    pub(super) const END: u64 = 0;
    pub(super) const SIGNED: u64 = 1;
    pub(super) const UNSIGNED: u64 = 2;
    pub(super) const FLOAT: u64 = 3;
    pub(super) const DOUBLE: u64 = 4;
    pub(super) const STRING: u64 = 5;
}

/// The codes in front of the elements of an array.
mod element {
    pub(super) const LONG_STRING: u64 = 0;
    pub(super) const INTEGER: u64 = 1;
    pub(super) const DOUBLE: u64 = 2;
    pub(super) const SHORT_STRING: u64 = 3;
}

/// The hash templates of a file: the number of fields of each, by the template's number. Each takes less memory than
/// its bytes in the file.
#[derive(Debug, Default)]
pub(super) struct Templates(BTreeMap<u64, u64>);

impl Templates {
    /// Reads a template and notes its number of fields.
    pub(super) fn read<R: Read>(&mut self, source: &mut RdbSource<R>) -> Result<(), Error> {
        let (number, fields) = (source.length()?, source.length()?);
        skip_strings(source, fields)?;
        if fields == 0 || self.0.insert(number, fields).is_some() {
            return source.malformed("a template without fields, or with the number of another one");
        }
        Ok(())
    }

    fn fields<R: Read>(&self, source: &RdbSource<R>, number: u64) -> Result<u64, Error> {
        let fields = self.0.get(&number).copied();
        fields.map_or_else(|| source.malformed("a hash whose template is missing"), Ok)
    }
}

/// Skips a value. Returns the name of the module type, if it is a module's.
pub(super) fn skip<R: Read>(
    source: &mut RdbSource<R>,
    layout: Layout,
    templates: &Templates,
) -> Result<Option<String>, Error> {
    match layout {
        Layout::Module => {
            let name = module_name(source.length()?);
            skip_module_parts(source)?;
            return Ok(Some(name));
        }
        Layout::Number => drop(source.length()?),
        Layout::Array => skip_array(source)?,
        Layout::Template { fields, values } => {
            let fields = match (fields, values) {
                (TemplateFields::Own, _) => own_fields(source)?,
                // The packed string names the template.
                (TemplateFields::Shared, Values::Packed) => 0,
                (TemplateFields::Shared, Values::Strings) => {
                    let number = source.length()?;
                    templates.fields(source, number)?
                }
            };
            skip_strings(source, if values == Values::Packed { 1 } else { fields })?;
        }
    }
    Ok(None)
}

fn skip_strings<R: Read>(source: &mut RdbSource<R>, count: u64) -> Result<(), Error> {
    (0..count).try_for_each(|_| source.skip_string())
}

/// Skips the fields in front of a hash's values. Returns how many there are.
fn own_fields<R: Read>(source: &mut RdbSource<R>) -> Result<u64, Error> {
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
        _ => source.malformed("fields in an unknown form"),
    }
}

fn skip_array<R: Read>(source: &mut RdbSource<R>) -> Result<(), Error> {
    let elements = source.length()?;
    // The position of the next insertion, if there has been one.
    match source.length()? {
        0 => {}
        1 => drop(source.length()?),
        _ => return source.malformed("an array in an unknown form"),
    }
    for _ in 0..elements {
        let _place = source.length()?;
        match source.length()? {
            element::LONG_STRING | element::SHORT_STRING => source.skip_string()?,
            element::INTEGER | element::DOUBLE => source.skip(8)?,
            _ => return source.malformed("an array's element of an unknown kind"),
        }
    }
    Ok(())
}

/// Skips what a module wrote, with its end mark.
pub(super) fn skip_module_parts<R: Read>(source: &mut RdbSource<R>) -> Result<(), Error> {
    loop {
        match source.length()? {
            part::END => return Ok(()),
            part::SIGNED | part::UNSIGNED => drop(source.length()?),
            part::FLOAT => source.skip(4)?,
            part::DOUBLE => source.skip(8)?,
            part::STRING => source.skip_string()?,
            _ => return source.malformed("a module's data of an unknown kind"),
        }
    }
}

/// Skips the data that modules keep for a key. Calls `visit` with the name of each kind of data.
pub(super) fn skip_key_data<R: Read>(
    source: &mut RdbSource<R>,
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
