//! Reads the encodings of lists in an RDB file and turns them into Changes.

use super::error::Error;
use super::packed::{Packed, Packing};
use super::source::RdbSource;
use super::value_form::ListEncoding;
use super::values::{ChangeTarget, NextKey, ValueReader};
use crate::store::End;
use std::io::Read;

impl<T: ChangeTarget> ValueReader<T> {
    /// Reads a list and returns how many elements were read.
    pub(super) fn list<R: Read>(
        &mut self,
        source: &mut RdbSource<R>,
        encoding: ListEncoding,
        key: &NextKey<'_>,
    ) -> Result<u64, Error> {
        let (parts, packing) = match encoding {
            ListEncoding::Packed(packing) => return self.packed_elements(source, packing, key),
            ListEncoding::Plain => (source.length()?, None),
            ListEncoding::Strings(packing) | ListEncoding::Nodes(packing) => {
                (source.length()?, Some(packing))
            }
        };
        let mut elements = 0;
        for _ in 0..parts {
            let is_element = match encoding {
                ListEncoding::Nodes(_) => match source.length()? {
                    1 => true,
                    2 => false,
                    _ => return source.malformed("a list node of unknown kind"),
                },
                _ => packing.is_none(),
            };
            match packing.filter(|_| !is_element) {
                Some(packing) => elements += self.packed_elements(source, packing, key)?,
                None => {
                    source.string(&mut self.member)?;
                    self.changes.push_element(key.database, key.name, End::Back, &self.member);
                    self.apply_much(key).map_err(|problem| source.error(problem))?;
                    elements += 1;
                }
            }
        }
        Ok(elements)
    }

    /// Reads elements of a list that are packed into one string and returns how many.
    fn packed_elements<R: Read>(
        &mut self,
        source: &mut RdbSource<R>,
        packing: Packing,
        key: &NextKey<'_>,
    ) -> Result<u64, Error> {
        let mut packed = Packed::begin(source, packing)?;
        while let Some(element) = packed.next_element()? {
            element.copy_to(&mut self.member);
            self.changes.push_element(key.database, key.name, End::Back, &self.member);
            self.apply_much(key).map_err(|problem| packed.error(problem))?;
        }
        Ok(packed.found())
    }
}
