//! Past values of the types that rankd has not, to the byte.

use super::error::Error;
use super::form::Layout;
use super::source::Source;
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

/// Passes over a value. Returns the name of the module type, if it is a module's.
pub(super) fn skip<R: Read>(source: &mut Source<R>, layout: Layout) -> Result<Option<String>, Error> {
    match layout {
        Layout::Packed => source.skip_string()?,
        Layout::TimedPacked => {
            source.skip(8)?;
            source.skip_string()?;
        }
        Layout::Strings(each) => {
            for _ in 0..source.length()? {
                (0..each).try_for_each(|_| source.skip_string())?;
            }
        }
        Layout::Nodes => {
            for _ in 0..source.length()? {
                source.length()?;
                source.skip_string()?;
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
    }
    Ok(None)
}

fn skip_stream<R: Read>(source: &mut Source<R>, version: u8) -> Result<(), Error> {
    const ENTRY_ID_BYTES: u64 = 16;
    const TIME_BYTES: u64 = 8;
    let lengths = |source: &mut Source<R>, count| (0..count).try_for_each(|_| source.length().map(|_| ()));
    for _ in 0..source.length()? {
        source.skip_string()?;
        source.skip_string()?;
    }
    // Length and last entry; then first entry, last deleted entry (two numbers each) and entries ever added.
    lengths(source, if version >= 2 { 8 } else { 3 })?;
    for _ in 0..source.length()? {
        // A group's name, last entry, and how many it has read.
        source.skip_string()?;
        lengths(source, if version >= 2 { 3 } else { 2 })?;
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

/// A module type's number spells nine letters of six bits each, and a version of ten bits.
pub(super) fn module_name(number: u64) -> String {
    const LETTERS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    (0..9).map(|place| char::from(LETTERS[(number >> (58 - 6 * place) & 0x3f) as usize])).collect()
}
