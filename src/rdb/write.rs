//! From a walk over the store to the bytes of a file.
//!
//! The file has RDB version 9: nothing in it is newer (scores as doubles came with version 8), and a server reads
//! every version up to its own, so Redis from 5 on and every Valkey load it. Where fields of a hash expire, the file has
//! version 12, which is Redis 7.4's, and its head is corrected. Strings are plain or integers, never
//! compressed; lists, sets and rankings have their plain forms, which a server packs again as it likes.

use super::{CHECKSUM, length, opcode, value_form};
use crate::store::{DatabaseIndex, DatabaseSize, Element, KeyHead, Kind, Length, Visitor, Walk};
use std::io::{self, Seek, SeekFrom, Write};

const MAGIC: &[u8] = b"REDIS0009";

/// Replaces the version in the header, after its first letter, by the lowest version that has expiries of fields.
const VERSION_DATED: Correction = Correction {
    at: 1,
    announced: u64::from_be_bytes(*b"EDIS0009"),
    counted: u64::from_be_bytes(*b"EDIS0012"),
};

/// Written as the earliest expiry of a hash, to which the expiries of its fields are relative. With 1 they are the absolute
/// times.
const FIRST_TIME_MS: u64 = 1;

/// Bytes gathered before they are written.
const GATHERED_BYTES: usize = 256 * 1024;

/// The size of a written file.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Written {
    /// Number of keys.
    pub keys: u64,
    /// Length in bytes.
    pub bytes: u64,
}

/// Writes what `export` visits to `out`, which must be empty. `go_on` is called between two steps, with no lock held
/// unless the store is frozen. Its error ends the writing.
///
/// # Errors
/// Those of `out` and `go_on`.
pub fn write(
    out: impl Write + Seek,
    mut export: Walk<'_>,
    unix_s: u64,
    mut go_on: impl FnMut() -> io::Result<()>,
) -> io::Result<Written> {
    let mut file = OutputFile { out, checksum: 0, bytes: 0 };
    let mut encoder = Encoder::default();
    encoder.buffer.extend_from_slice(MAGIC);
    encoder.aux("rankd-ver", env!("CARGO_PKG_VERSION"));
    encoder.aux("redis-bits", &usize::BITS.to_string());
    encoder.aux("ctime", &unix_s.to_string());
    while export.step(&mut encoder) {
        if encoder.buffer.len() >= GATHERED_BYTES {
            file.drain(&mut encoder)?;
        }
        go_on()?;
    }
    encoder.close_database();
    encoder.buffer.push(opcode::END);
    file.drain(&mut encoder)?;
    let checksum = file.checksum.to_le_bytes();
    file.out.write_all(&checksum)?;
    file.out.flush()?;
    Ok(Written { keys: encoder.keys, bytes: file.bytes + checksum.len() as u64 })
}

/// The file that is being written.
struct OutputFile<W> {
    out: W,
    checksum: u64,
    bytes: u64,
}

impl<W: Write + Seek> OutputFile<W> {
    /// Writes the encoder's bytes, and corrects the counts that were announced wrongly.
    fn drain(&mut self, encoder: &mut Encoder) -> io::Result<()> {
        self.out.write_all(&encoder.buffer)?;
        self.checksum = checksum_on(self.checksum, &encoder.buffer);
        self.bytes += encoder.buffer.len() as u64;
        encoder.drained += encoder.buffer.len() as u64;
        encoder.buffer.clear();
        for Correction { at, announced, counted } in encoder.corrections.drain(..) {
            self.out.seek(SeekFrom::Start(at))?;
            self.out.write_all(&counted.to_be_bytes())?;
            self.out.seek(SeekFrom::Start(self.bytes))?;
            // The checksum is linear: a difference in the bytes changes it by the checksum of the difference alone.
            let difference = (announced ^ counted).to_be_bytes();
            self.checksum ^= checksum_of_zeros(checksum_on(0, &difference), self.bytes - at - 8);
        }
        Ok(())
    }
}

/// The checksum of `bytes` behind bytes with the checksum `before`.
fn checksum_on(before: u64, bytes: &[u8]) -> u64 {
    // The crate takes the initial value of a reflected CRC with its bits reversed.
    let mut digest = CHECKSUM.digest_with_initial(before.reverse_bits());
    digest.update(bytes);
    digest.finalize()
}

/// As [`checksum_on`], of `count` zero bytes.
fn checksum_of_zeros(mut before: u64, mut count: u64) -> u64 {
    const ZEROS: [u8; 4096] = [0; 4096];
    while count > 0 {
        let here = count.min(ZEROS.len() as u64);
        before = checksum_on(before, &ZEROS[..here as usize]);
        count -= here;
    }
    before
}

/// A count in the file, and what it should be.
struct Correction {
    /// Offset of its eight bytes.
    at: u64,
    announced: u64,
    counted: u64,
}

/// Encodes keys and values. Runs under the store's locks.
#[derive(Default)]
struct Encoder {
    buffer: Vec<u8>,
    /// Bytes that have left the buffer.
    drained: u64,
    keys: u64,
    /// The database that the walk is in, until its first key.
    unopened: Option<(DatabaseIndex, DatabaseSize)>,
    /// The announced and the counted numbers of keys and of expiring keys in the open database.
    sizes: Option<[Correction; 2]>,
    /// The announced and the counted number of elements of a value that comes in several steps.
    open: Option<Correction>,
    corrections: Vec<Correction>,
    /// Whether the value that has begun says of its elements when they expire; and whether any does.
    is_dated: bool,
    has_dated: bool,
}

impl Encoder {
    fn aux(&mut self, name: &str, value: &str) {
        self.buffer.push(opcode::AUX);
        self.put_string(name.as_bytes());
        self.put_string(value.as_bytes());
    }

    fn put_length(&mut self, length: u64) {
        match length {
            0..64 => self.buffer.push(length as u8),
            64..16_384 => self.buffer.extend_from_slice(&(length as u16 | 0x4000).to_be_bytes()),
            16_384..=0xffff_ffff => {
                self.buffer.push(length::FOUR_BYTES);
                self.buffer.extend_from_slice(&(length as u32).to_be_bytes());
            }
            _ => {
                self.buffer.push(length::EIGHT_BYTES);
                self.buffer.extend_from_slice(&length.to_be_bytes());
            }
        }
    }

    /// Writes a count in the longest form, so that any other count fits in its place.
    fn put_correctable(&mut self, announced: u64) -> Correction {
        self.buffer.push(length::EIGHT_BYTES);
        let at = self.drained + self.buffer.len() as u64;
        self.buffer.extend_from_slice(&announced.to_be_bytes());
        Correction { at, announced, counted: 0 }
    }

    /// Ends the open database: no key of it follows.
    fn close_database(&mut self) {
        let sizes = self.sizes.take().into_iter().flatten();
        self.corrections.extend(sizes.filter(|count| count.counted != count.announced));
    }

    fn put_string(&mut self, string: &[u8]) {
        const SPECIAL: u8 = length::SPECIAL << 6;
        let Some(integer) = spelled_integer(string) else {
            self.put_length(string.len() as u64);
            self.buffer.extend_from_slice(string);
            return;
        };
        if let Ok(integer) = i8::try_from(integer) {
            self.buffer.push(SPECIAL | length::INTEGER_8);
            self.buffer.extend_from_slice(&integer.to_le_bytes());
        } else if let Ok(integer) = i16::try_from(integer) {
            self.buffer.push(SPECIAL | length::INTEGER_16);
            self.buffer.extend_from_slice(&integer.to_le_bytes());
        } else {
            self.buffer.push(SPECIAL | length::INTEGER_32);
            self.buffer.extend_from_slice(&integer.to_le_bytes());
        }
    }

    fn key(&mut self, head: KeyHead<'_>, form: u8) {
        if let Some((database, size)) = self.unopened.take() {
            self.close_database();
            self.buffer.push(opcode::SELECT_DATABASE);
            self.put_length(u64::from(database));
            self.buffer.push(opcode::RESIZE_DATABASE);
            // Corrected later: keys come and go during the walk.
            self.sizes = Some([size.keys, size.expiring_keys].map(|size| self.put_correctable(size as u64)));
        }
        if let Some([keys, expiring_keys]) = &mut self.sizes {
            keys.counted += 1;
            expiring_keys.counted += u64::from(head.expire_at_ms.is_some());
        }
        if let Some(at_ms) = head.expire_at_ms {
            self.buffer.push(opcode::EXPIRE_MS);
            self.buffer.extend_from_slice(&at_ms.to_le_bytes());
        }
        self.buffer.push(form);
        self.put_string(head.key);
        self.keys += 1;
    }
}

impl Visitor for Encoder {
    fn database(&mut self, database: DatabaseIndex, size: DatabaseSize) {
        self.unopened = Some((database, size));
    }

    fn begin(&mut self, head: KeyHead<'_>, kind: Kind, length: Length) {
        let form = match kind {
            Kind::String => value_form::STRING,
            Kind::List => value_form::LIST,
            Kind::Set => value_form::SET,
            Kind::SortedSet => value_form::RANKING_DOUBLES,
            Kind::Hash if head.has_dated_elements => value_form::HASH_DATED,
            Kind::Hash => value_form::HASH,
        };
        self.key(head, form);
        self.is_dated = form == value_form::HASH_DATED;
        if self.is_dated {
            self.buffer.extend_from_slice(&FIRST_TIME_MS.to_le_bytes());
            if !self.has_dated {
                self.corrections.push(VERSION_DATED);
            }
            self.has_dated = true;
        }
        match length {
            // A string says its own.
            _ if kind == Kind::String => {}
            Length::Exactly(count) => self.put_length(count as u64),
            Length::About(count) => self.open = Some(self.put_correctable(count as u64)),
        }
    }

    fn element(&mut self, _: KeyHead<'_>, element: Element<'_>) {
        match element {
            Element::Bytes(bytes) | Element::Listed(bytes) | Element::Member(bytes) => self.put_string(bytes),
            Element::Scored(member, score) => {
                self.put_string(member);
                self.buffer.extend_from_slice(&score.get().to_le_bytes());
            }
            Element::Field(field, value, at_ms) => {
                // A field may get an expiry while its hash is written. If no field had one at the beginning, the file has
                // no place for it.
                if self.is_dated {
                    self.put_length(
                        at_ms.map_or(0, |at_ms| (at_ms + 1).saturating_sub(FIRST_TIME_MS).max(1)),
                    );
                }
                self.put_string(field);
                self.put_string(value);
            }
        }
        self.open.iter_mut().for_each(|open| open.counted += 1);
    }

    fn end(&mut self, _: KeyHead<'_>, _: Kind) {
        self.corrections.extend(self.open.take().filter(|count| count.counted != count.announced));
    }
}

/// The integer of 32 bits whose only spelling is `string`.
fn spelled_integer(string: &[u8]) -> Option<i32> {
    if string.is_empty() || string.len() > 11 {
        return None;
    }
    let integer: i32 = std::str::from_utf8(string).ok()?.parse().ok()?;
    (itoa::Buffer::new().format(integer).as_bytes() == string).then_some(integer)
}
