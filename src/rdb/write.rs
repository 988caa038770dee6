//! From a walk over the store to the bytes of a file.
//!
//! The file has RDB version 9: nothing in it is newer (scores as doubles came with version 8), and a server reads
//! every version up to its own, so Redis from 5 on and every Valkey load it. With a library of functions it has version 10, which
//! is Redis 7's. With a stream the file has version 11, which is
//! Redis 7.2's; where fields of a hash expire, it has version 12, which is Redis 7.4's. Its head is corrected then.

use super::encoding::{put_length, put_string};
use super::value_writer::ValueWriter;
use super::{CHECKSUM, boards, length, opcode, producers, value_form};
use crate::store::change::ChangeBuffer;
use crate::store::{
    DatabaseIndex, DatabaseSize, Element, KeyHead, Kind, Length, StreamPart, Use, Visitor, Walk,
};
use std::io::{self, Seek, SeekFrom, Write};

const MAGIC: &[u8] = b"REDIS0009";

/// The header behind its first letter, in which the version is corrected: that of any file, that of Redis 7.0, the first
/// with functions, the lowest that has streams with all that rankd knows of them, and the lowest that has expiries of fields.
const VERSION: u64 = u64::from_be_bytes(*b"EDIS0009");
const VERSION_7_0: u64 = u64::from_be_bytes(*b"EDIS0010");
const VERSION_STREAMS: u64 = u64::from_be_bytes(*b"EDIS0011");
const VERSION_DATED: u64 = u64::from_be_bytes(*b"EDIS0012");

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
    export: Walk<'_>,
    unix_s: u64,
    go_on: impl FnMut() -> io::Result<()>,
) -> io::Result<Written> {
    let mut note = |_: DatabaseIndex, _: KeyHead<'_>, _: Kind| ();
    let encoder = Encoder::new(value_form::STREAM, &mut note);
    write_to(out, encoder, export, unix_s, go_on, || Ok(None))
}

/// As [`write()`], for replicas: with nothing newer than Redis 7.0 can read, except where fields of a hash expire. Calls `note` with
/// each key, under its lock. `selected` is the database that is selected where the stream behind the file begins, if that does not
/// select one. `whole_at` is called behind the last key, and returns the offset in the stream before which the data are not of one
/// moment, if there is one.
///
/// # Errors
/// Those of `out`, `go_on` and `whole_at`.
pub fn write_for_replicas(
    out: impl Write + Seek,
    export: Walk<'_>,
    unix_s: u64,
    selected: Option<DatabaseIndex>,
    mut note: impl FnMut(DatabaseIndex, KeyHead<'_>, Kind),
    go_on: impl FnMut() -> io::Result<()>,
    whole_at: impl FnOnce() -> io::Result<Option<u64>>,
) -> io::Result<Written> {
    let mut encoder = Encoder::new(value_form::STREAM_OF_7_0, &mut note);
    encoder.selected = selected;
    write_to(out, encoder, export, unix_s, go_on, whole_at)
}

fn write_to(
    out: impl Write + Seek,
    mut encoder: Encoder<'_>,
    mut export: Walk<'_>,
    unix_s: u64,
    mut go_on: impl FnMut() -> io::Result<()>,
    whole_at: impl FnOnce() -> io::Result<Option<u64>>,
) -> io::Result<Written> {
    let mut file = OutputFile { out, checksum: 0, bytes: 0 };
    encoder.out.bytes.extend_from_slice(MAGIC);
    encoder.aux("rankd-ver", env!("CARGO_PKG_VERSION"));
    encoder.aux("redis-bits", &usize::BITS.to_string());
    encoder.aux("ctime", &unix_s.to_string());
    if let Some(selected) = encoder.selected {
        encoder.aux("repl-stream-db", &selected.to_string());
    }
    for (prefix, policy) in export.templates().list() {
        put_field(&mut encoder.out, boards::TEMPLATE, &boards::template(&prefix, &policy));
    }
    for (_, text) in export.libraries().list() {
        encoder.need_version(VERSION_7_0);
        put_library(&mut encoder.out.bytes, &text);
    }
    while export.step(&mut encoder) {
        if encoder.out.bytes.len() >= GATHERED_BYTES {
            file.drain(&mut encoder)?;
        }
        go_on()?;
    }
    encoder.close_database();
    if let Some(offset) = whole_at()? {
        encoder.aux("rankd-whole-at", &offset.to_string());
    }
    encoder.out.bytes.push(opcode::END);
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
    fn drain(&mut self, encoder: &mut Encoder<'_>) -> io::Result<()> {
        self.out.write_all(&encoder.out.bytes)?;
        self.checksum = checksum_on(self.checksum, &encoder.out.bytes);
        self.bytes += encoder.out.bytes.len() as u64;
        encoder.drained += encoder.out.bytes.len() as u64;
        encoder.out.bytes.clear();
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

/// Writes a field about the file.
fn put_field(out: &mut ValueWriter, name: &str, value: &[u8]) {
    out.bytes.push(opcode::AUX);
    put_string(&mut out.bytes, name.as_bytes());
    put_string(&mut out.bytes, value);
}

/// Is called with each key, in the walk's database.
type NoteKey<'n> = &'n mut dyn FnMut(DatabaseIndex, KeyHead<'_>, Kind);

/// Writes a library of functions.
pub(super) fn put_library(out: &mut Vec<u8>, text: &[u8]) {
    out.push(opcode::FUNCTION);
    put_string(out, text);
}

/// Encodes keys and values. Runs under the store's locks.
struct Encoder<'n> {
    /// The form of streams.
    stream_form: u8,
    /// The database that is selected where the stream behind the file begins, if the file says so.
    selected: Option<DatabaseIndex>,
    note: NoteKey<'n>,
    out: ValueWriter,
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
    /// The version in the header, behind its first letter, by now.
    version: u64,
    /// The database that the walk is in.
    database: DatabaseIndex,
    /// Changes with what the present value has beyond its form: those of a board with a policy, and the producers of a stream.
    beside: ChangeBuffer,
    /// The field that they become.
    beside_field: &'static str,
}

impl<'n> Encoder<'n> {
    fn new(stream_form: u8, note: NoteKey<'n>) -> Self {
        Self {
            stream_form,
            selected: None,
            note,
            out: ValueWriter::default(),
            drained: 0,
            keys: 0,
            unopened: None,
            sizes: None,
            open: None,
            corrections: Vec::new(),
            version: VERSION,
            database: 0,
            beside: ChangeBuffer::default(),
            beside_field: "",
        }
    }

    /// Sees to it that the file has at least this version.
    fn need_version(&mut self, version: u64) {
        if version > self.version {
            self.corrections.push(Correction { at: 1, announced: self.version, counted: version });
            self.version = version;
        }
    }

    fn aux(&mut self, name: &str, value: &str) {
        put_field(&mut self.out, name, value.as_bytes());
    }

    /// Writes a count in the longest form, so that any other count fits in its place.
    fn put_correctable(&mut self, announced: u64) -> Correction {
        self.out.bytes.push(length::EIGHT_BYTES);
        let at = self.drained + self.out.bytes.len() as u64;
        self.out.bytes.extend_from_slice(&announced.to_be_bytes());
        Correction { at, announced, counted: 0 }
    }

    /// Ends the open database: no key of it follows.
    fn close_database(&mut self) {
        let sizes = self.sizes.take().into_iter().flatten();
        self.corrections.extend(sizes.filter(|count| count.counted != count.announced));
    }

    fn key(&mut self, head: KeyHead<'_>, form: u8) {
        if let Some((database, size)) = self.unopened.take() {
            self.close_database();
            self.out.bytes.push(opcode::SELECT_DATABASE);
            put_length(&mut self.out.bytes, u64::from(database));
            self.out.bytes.push(opcode::RESIZE_DATABASE);
            // Corrected later: keys come and go during the walk.
            self.sizes = Some([size.keys, size.expiring_keys].map(|size| self.put_correctable(size as u64)));
        }
        if let Some([keys, expiring_keys]) = &mut self.sizes {
            keys.counted += 1;
            expiring_keys.counted += u64::from(head.expire_at_ms.is_some());
        }
        if let Some(at_ms) = head.expire_at_ms {
            self.out.bytes.push(opcode::EXPIRE_MS);
            self.out.bytes.extend_from_slice(&at_ms.to_le_bytes());
        }
        match head.last_use {
            None => {}
            Some(Use::Idle { ms }) => {
                self.out.bytes.push(opcode::IDLE);
                put_length(&mut self.out.bytes, ms / 1000);
            }
            Some(Use::Frequency(uses)) => self.out.bytes.extend_from_slice(&[opcode::FREQUENCY, uses]),
        }
        self.out.bytes.push(form);
        put_string(&mut self.out.bytes, head.key);
        self.keys += 1;
    }
}

impl Visitor for Encoder<'_> {
    fn database(&mut self, database: DatabaseIndex, size: DatabaseSize) {
        self.unopened = Some((database, size));
        self.database = database;
    }

    fn begin(&mut self, head: KeyHead<'_>, kind: Kind, length: Length) {
        (self.note)(self.database, head, kind);
        if head.rules.is_some() {
            self.beside.head(self.database, head.key, head.rules);
            let is_empty = length == Length::Exactly(0);
            self.beside_field = if is_empty { boards::EMPTY_BOARD } else { boards::BOARD };
            if is_empty {
                self.keys += 1;
                return;
            }
        }
        let form = match kind {
            Kind::Stream => self.stream_form,
            _ => ValueWriter::form(kind, head.has_dated_elements),
        };
        self.key(head, form);
        self.out.begin(form);
        match form {
            value_form::HASH_DATED => self.need_version(VERSION_DATED),
            value_form::STREAM => self.need_version(VERSION_STREAMS),
            value_form::STREAM_OF_7_0 => self.need_version(VERSION_7_0),
            _ => {}
        }
        match length {
            // A string says its own.
            _ if kind == Kind::String => {}
            // The number of its blocks is known at its end.
            _ if kind == Kind::Stream => self.open = Some(self.put_correctable(0)),
            Length::Exactly(count) => put_length(&mut self.out.bytes, count as u64),
            Length::About(count) => self.open = Some(self.put_correctable(count as u64)),
        }
    }

    fn element(&mut self, head: KeyHead<'_>, element: Element<'_>) {
        let is_producers =
            matches!(element, Element::Part(StreamPart::Producers(_) | StreamPart::RequestId(..)));
        if is_producers || head.rules.is_some() {
            self.beside.element(self.database, head.key, element, None);
        }
        let counted = self.out.element(element);
        self.open.iter_mut().for_each(|open| open.counted += counted);
    }

    fn end(&mut self, head: KeyHead<'_>, kind: Kind) {
        let counted = self.out.end(kind);
        self.open.iter_mut().for_each(|open| open.counted += counted);
        self.corrections.extend(self.open.take().filter(|count| count.counted != count.announced));
        if !self.beside.is_empty() {
            if kind == Kind::Stream {
                self.beside_field = producers::PRODUCERS;
            } else {
                self.beside.set_expiry(self.database, head.key, head.expire_at_ms);
            }
            self.beside.end_record();
            for record in self.beside.records() {
                put_field(&mut self.out, self.beside_field, record);
            }
            self.beside.clear();
        }
    }
}
