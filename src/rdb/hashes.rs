//! Reads the encodings of hashes in an RDB file, field by field.

use super::error::{Error, Problem};
use super::packed::{Packed, PackedElement, Packing};
use super::source::RdbSource;
use super::value_form::{Dating, HashEncoding};
use std::io::Read;

/// Takes a field, its value, and the unix millisecond at which it expires (`None`: never).
pub(super) type TakeField<'t> = &'t mut dyn FnMut(&[u8], &[u8], Option<u64>) -> Result<(), Problem>;

/// Reads a hash and calls `take` with each field.
pub(super) fn read<R: Read>(
    source: &mut RdbSource<R>,
    encoding: HashEncoding,
    take: TakeField<'_>,
) -> Result<(), Error> {
    match encoding {
        HashEncoding::Plain => plain(source, None, take),
        HashEncoding::Dated(dating) => plain(source, Some(dating), take),
        HashEncoding::Packed(packing) => packed(source, packing, false, take),
        HashEncoding::PackedDated { after_time } => {
            if after_time {
                // The earliest expiry. It is not needed: the listpack has the full expiry of each field.
                source.skip(8)?;
            }
            packed(source, Packing::Listpack, true, take)
        }
    }
}

fn plain<R: Read>(
    source: &mut RdbSource<R>,
    dating: Option<Dating>,
    take: TakeField<'_>,
) -> Result<(), Error> {
    let first_ms = if dating == Some(Dating::TimesFromFirst) { source.u64_le()? } else { 0 };
    let (mut field, mut value) = (Vec::new(), Vec::new());
    for _ in 0..source.length()? {
        let mut at_ms = match dating {
            Some(Dating::Times) => Some(source.length()?).filter(|&at_ms| at_ms > 0),
            Some(Dating::TimesFromFirst) => match source.length()? {
                0 => None,
                passed => match first_ms.checked_add(passed - 1) {
                    Some(at_ms) => Some(at_ms),
                    None => return source.malformed("the expiry of a field is out of range"),
                },
            },
            Some(Dating::TimesBehind) | None => None,
        };
        source.string(&mut field)?;
        source.string(&mut value)?;
        if dating == Some(Dating::TimesBehind) {
            at_ms = u64::try_from(i64::from_le_bytes(source.bytes()?)).ok();
        }
        take(&field, &value, at_ms).map_err(|problem| source.error(problem))?;
    }
    Ok(())
}

fn packed<R: Read>(
    source: &mut RdbSource<R>,
    packing: Packing,
    is_dated: bool,
    take: TakeField<'_>,
) -> Result<(), Error> {
    let mut packed = Packed::begin(source, packing)?;
    let (mut field, mut value) = (Vec::new(), Vec::new());
    while let Some(element) = packed.next_element()? {
        element.copy_to(&mut field);
        match packed.next_element()? {
            Some(element) => element.copy_to(&mut value),
            None => return packed.malformed(),
        }
        let mut at_ms = None;
        if is_dated {
            at_ms = match packed.next_element()? {
                Some(PackedElement::Integer(at_ms)) => u64::try_from(at_ms).ok().filter(|&at_ms| at_ms > 0),
                _ => return packed.malformed(),
            };
        }
        take(&field, &value, at_ms).map_err(|problem| packed.error(problem))?;
    }
    Ok(())
}
