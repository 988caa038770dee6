//! From the bytes of a file, or of a DUMP, to Changes.

use super::error::{Error, Problem};
use super::foreign;
use super::foreign::Templates;
use super::form::{Dialect, Encoding, Form};
use super::opcode;
use super::packed::{Element, Packed};
use super::source::Source;
use super::tally::{Count, Tally};
use crate::ranking::Score;
use crate::store::change::{ChangeBuffer, decode};
use crate::store::{Access, DatabaseIndex, Hold, Shards, Store};
use std::io::Read;

/// Bytes of Changes gathered before they are made true.
const GATHERED_BYTES: usize = 64 * 1024;

/// The newest versions that are understood.
const REDIS_VERSION: u32 = 15;
const VALKEY_VERSION: u32 = 80;

/// From this version on a checksum stands at the end.
const CHECKSUM_SINCE: u32 = 5;

/// Numbers from here on are opcodes where a type of values is not meant.
const LOWEST_OPCODE: u8 = 128;

/// What stands behind the value that DUMP gives: a version and a checksum.
const PAYLOAD_TAIL_BYTES: usize = 10;

/// Reads files and payloads into a store, past its sink. A key that was there is replaced.
pub struct Loader<'s> {
    store: &'s Store,
    /// Keys that expire up to this moment are left out; `None`: nothing is.
    left_out_by_ms: Option<u64>,
    pub(super) changes: ChangeBuffer,
    tally: Tally,
    pub(super) member: Vec<u8>,
    text: Vec<u8>,
}

/// A key whose value comes next.
pub(super) struct Key<'k> {
    pub(super) database: DatabaseIndex,
    pub(super) name: &'k [u8],
    expire_at_ms: Option<u64>,
    has_expired: bool,
}

impl<'s> Loader<'s> {
    /// Reads into `store`. What has expired is in there afterwards: what follows may renew it, as in the append-only file
    /// behind a dump, or it is to be removed where that is recorded.
    #[must_use]
    pub fn new(store: &'s Store) -> Self {
        let (changes, member, text) = (ChangeBuffer::default(), Vec::new(), Vec::new());
        Self { store, left_out_by_ms: None, changes, tally: Tally::default(), member, text }
    }

    /// As [`Loader::new`], but leaves out what has expired by now: for a file behind which nothing follows.
    #[must_use]
    pub fn leaving_out_expired(store: &'s Store) -> Self {
        Self { left_out_by_ms: Some(store.clock().now_ms()), ..Self::new(store) }
    }

    /// What was read so far.
    #[must_use]
    pub fn tally(&self) -> &Tally {
        &self.tally
    }

    /// Reads one file and returns what stands behind it.
    ///
    /// # Errors
    /// See [`Error`]. The store holds a part of the file then.
    pub fn file<R: Read>(&mut self, read: R) -> Result<impl Read + use<R>, Error> {
        let mut source = Source::new(read);
        let (dialect, version) = self.header(&mut source)?;
        let (mut database, mut expire_at_ms) = (0, None);
        let (mut templates, mut count) = (Templates::default(), Count::default());
        let (stored_before, told_before) = (self.stored_keys(), self.tally.keys);
        let mut name = Vec::new();
        loop {
            let number = source.byte()?;
            match number {
                opcode::END => break,
                opcode::SELECT_DATABASE => {
                    count.end(database, &mut self.tally);
                    database = DatabaseIndex::try_from(source.length()?)
                        .map_err(|_| source.error(Problem::Malformed("a database of no sensible number")))?;
                }
                opcode::RESIZE_DATABASE => {
                    count.end(database, &mut self.tally);
                    count.announced = Some(source.length()?);
                    let _expiring_keys = source.length()?;
                }
                opcode::HASH_TEMPLATE if dialect == Dialect::Redis => templates.read(&mut source)?,
                opcode::KEY_DATA if dialect == Dialect::Redis => self.key_data(&mut source)?,
                opcode::SLOT_IMPORT => {
                    source.skip_string()?;
                    for _ in 0..source.length()? {
                        source.length()?;
                        source.length()?;
                    }
                    self.tally.slot_imports += 1;
                }
                opcode::SLOT_INFO => {
                    for _ in 0..3 {
                        source.length()?;
                    }
                }
                opcode::EXPIRE_MS => expire_at_ms = Some(i64::from_le_bytes(source.bytes()?)),
                opcode::EXPIRE_S => {
                    expire_at_ms = Some(i64::from(i32::from_le_bytes(source.bytes()?)) * 1000);
                }
                opcode::FREQUENCY => source.skip(1)?,
                opcode::IDLE => drop(source.length()?),
                opcode::AUX => self.aux(&mut source)?,
                opcode::FUNCTION => {
                    source.skip_string()?;
                    self.tally.function_libraries += 1;
                }
                opcode::FUNCTION_BEFORE_RELEASE => {
                    return source.malformed("a function as only pre-releases wrote it");
                }
                opcode::MODULE_AUX => {
                    let module = foreign::module_name(source.length()?);
                    foreign::skip_module_parts(&mut source)?;
                    *self.tally.module_data.entry(module).or_default() += 1;
                }
                _ => {
                    let form = Form::of(number, dialect);
                    if form.is_none() && number >= LOWEST_OPCODE {
                        return Err(source.error(Problem::UnknownOpcode(number)));
                    }
                    source.string(&mut name)?;
                    let Some(form) = form else {
                        return Err(source.error(Problem::UnknownType { number, key: name }));
                    };
                    let key = self.key(database, &name, expire_at_ms.take());
                    self.value(&mut source, form, &key, &templates)?;
                    count.found += 1;
                }
            }
        }
        count.end(database, &mut self.tally);
        if version >= CHECKSUM_SINCE {
            let sum = source.checksum();
            let announced = source.u64_le()?;
            // Nought: written with checksums off.
            if announced != 0 && announced != sum {
                return Err(source.error(Problem::WrongChecksum));
            }
        }
        let (stored, told) = (self.stored_keys() - stored_before, self.tally.keys - told_before);
        if stored != told {
            let twice = format!("a key stands in it twice: {told} were read, and there are {stored}");
            return Err(source.error(Problem::Refused(twice)));
        }
        self.tally.bytes += source.offset();
        Ok(source.into_rest())
    }

    fn stored_keys(&self) -> u64 {
        let of = |database| Shards::free(self.store).size(database).keys as u64;
        (0..self.store.databases()).map(of).sum()
    }

    fn key_data<R: Read>(&mut self, source: &mut Source<R>) -> Result<(), Error> {
        foreign::skip_key_data(source, |kind| *self.tally.key_data.entry(kind).or_default() += 1)
    }

    /// Reads what DUMP has given for a key, of which `read` holds nothing else. A value of a type that is not known is
    /// passed over and counted: here one knows how long it is.
    ///
    /// Its version is not looked at. A type's number says all about a value, and the checksum, which must stand right
    /// behind it, that it was understood.
    ///
    /// # Errors
    /// As [`Loader::file`].
    pub fn payload(
        &mut self,
        read: impl Read,
        database: DatabaseIndex,
        name: &[u8],
        expire_at_ms: Option<u64>,
        is_valkey: bool,
    ) -> Result<(), Error> {
        let mut source = Source::new(read);
        let mut number = source.byte()?;
        let dialect = if is_valkey { Dialect::Valkey } else { Dialect::Redis };
        if number == opcode::KEY_DATA && dialect == Dialect::Redis {
            self.key_data(&mut source)?;
            number = source.byte()?;
        }
        if let Some(form) = Form::of(number, dialect) {
            let key = self.key(database, name, expire_at_ms.map(u64::cast_signed));
            self.value(&mut source, form, &key, &Templates::default())?;
        } else {
            source.skip_to_tail(PAYLOAD_TAIL_BYTES)?;
            *self.tally.foreign_keys.entry(format!("with the number {number}")).or_default() += 1;
        }
        let _version: [u8; 2] = source.bytes()?;
        let sum = source.checksum();
        if source.u64_le()? != sum {
            return Err(source.error(Problem::WrongChecksum));
        }
        self.tally.bytes += source.offset();
        Ok(())
    }

    fn header<R: Read>(&mut self, source: &mut Source<R>) -> Result<(Dialect, u32), Error> {
        let head: [u8; 9] = source.bytes().map_err(|error| match error.problem {
            Problem::Truncated => Error { problem: Problem::NotRdb, ..error },
            _ => error,
        })?;
        let (dialect, maker, digits) = if let Some(digits) = head.strip_prefix(b"REDIS") {
            (Dialect::Redis, "Redis", digits)
        } else if let Some(digits) = head.strip_prefix(b"VALKEY") {
            (Dialect::Valkey, "Valkey", digits)
        } else {
            return Err(source.error(Problem::NotRdb));
        };
        let digits = String::from_utf8_lossy(digits);
        let version = digits.parse().ok().filter(|&version| is_known(version));
        let version = version.ok_or_else(|| source.error(Problem::UnknownVersion(digits.into_owned())))?;
        self.tally.origin = format!("{maker}, RDB {version}");
        Ok((dialect, version))
    }

    /// A remark about the file, of which only its maker's version is of interest.
    fn aux<R: Read>(&mut self, source: &mut Source<R>) -> Result<(), Error> {
        let (mut name, mut value) = (Vec::new(), Vec::new());
        source.short_string(&mut name)?;
        source.short_string(&mut value)?;
        let maker = match name.as_slice() {
            b"redis-ver" => "Redis",
            b"valkey-ver" => "Valkey",
            b"rankd-ver" => "rankd",
            _ => return Ok(()),
        };
        let format = self.tally.origin.rsplit(", ").next().unwrap_or_default();
        self.tally.origin = format!("{maker} {}, {format}", value.escape_ascii());
        Ok(())
    }

    fn key<'k>(&mut self, database: DatabaseIndex, name: &'k [u8], expire_at_ms: Option<i64>) -> Key<'k> {
        let at_ms = expire_at_ms.map(|at_ms| u64::try_from(at_ms).unwrap_or(0));
        let has_expired = at_ms.zip(self.left_out_by_ms).is_some_and(|(at_ms, by_ms)| at_ms <= by_ms);
        Key { database, name, expire_at_ms: at_ms, has_expired }
    }

    fn value<R: Read>(
        &mut self,
        source: &mut Source<R>,
        form: Form,
        key: &Key<'_>,
        templates: &Templates,
    ) -> Result<(), Error> {
        let Key { database, name, .. } = *key;
        match form {
            Form::Foreign(type_name, layout) => {
                let module = foreign::skip(source, layout, templates)?;
                let type_name = module.map_or(type_name.into(), |module| format!("{module} (of a module)"));
                *self.tally.foreign_keys.entry(type_name).or_default() += 1;
                return Ok(());
            }
            Form::String => {
                source.string(&mut self.text)?;
                self.changes.set_string(database, name, &self.text, key.expire_at_ms);
            }
            Form::List(_) | Form::Set(_) | Form::Ranking(_) => {
                self.changes.drop_key(database, name);
                let told = match form {
                    Form::List(encoding) => self.list(source, encoding, key)?,
                    Form::Set(encoding) => self.set(source, encoding, key)?,
                    Form::Ranking(encoding) => self.ranking(source, encoding, key)?,
                    Form::String | Form::Foreign(..) => unreachable!("read above"),
                };
                self.apply(key).map_err(|problem| source.error(problem))?;
                if told == 0 {
                    self.tally.empty_keys += 1;
                    return Ok(());
                }
                if !key.has_expired && self.stored_members(key) != told {
                    return source.malformed("a set or sorted set in which a member stands twice");
                }
            }
        }
        if key.expire_at_ms.is_some() && form != Form::String {
            self.changes.set_expiry(database, name, key.expire_at_ms);
        }
        let kind = if key.has_expired { &mut self.tally.expired_keys } else { &mut self.tally.keys };
        *kind += 1;
        self.apply(key).map_err(|problem| source.error(problem))
    }

    /// The number of members that the store holds for a key.
    fn stored_members(&self, key: &Key<'_>) -> u64 {
        let shard = self.store.shard_of(key.name);
        let hold = Hold::on(self.store, &[shard], Access::Read, ChangeBuffer::default());
        let value = hold.reader(key.database).value(key.name);
        value.map_or(0, |value| value.elements() as u64)
    }

    /// Reads a set and returns how many members were read.
    fn set<R: Read>(
        &mut self,
        source: &mut Source<R>,
        encoding: Encoding,
        key: &Key<'_>,
    ) -> Result<u64, Error> {
        let Key { database, name, .. } = *key;
        if let Encoding::Packed(packing) = encoding {
            let mut packed = Packed::begin(source, packing)?;
            while let Some(member) = packed.next_element()? {
                member.copy_to(&mut self.member);
                self.changes.add_member(database, name, &self.member);
                self.apply_much(key).map_err(|problem| packed.error(problem))?;
            }
            return Ok(packed.found());
        }
        let told = source.length()?;
        for _ in 0..told {
            source.string(&mut self.member)?;
            self.changes.add_member(database, name, &self.member);
            self.apply_much(key).map_err(|problem| source.error(problem))?;
        }
        Ok(told)
    }

    /// Reads a ranking and returns how many members were read.
    fn ranking<R: Read>(
        &mut self,
        source: &mut Source<R>,
        encoding: Encoding,
        key: &Key<'_>,
    ) -> Result<u64, Error> {
        let Key { database, name, .. } = *key;
        if let Encoding::Packed(packing) = encoding {
            let mut packed = Packed::begin(source, packing)?;
            while let Some(member) = packed.next_element()? {
                member.copy_to(&mut self.member);
                let score = match packed.next_element()? {
                    Some(Element::Integer(integer)) => Score::new(integer as f64),
                    Some(Element::Bytes(text)) => parse_score(text),
                    None => return packed.malformed(),
                };
                let Some(score) = score else {
                    return Err(packed.error(Problem::Malformed("a score that is no number")));
                };
                self.changes.set_score(database, name, &self.member, score);
                self.apply_much(key).map_err(|problem| packed.error(problem))?;
            }
            return Ok(packed.found() / 2);
        }
        let told = source.length()?;
        for _ in 0..told {
            source.string(&mut self.member)?;
            let score = match encoding {
                Encoding::Doubles => f64::from_le_bytes(source.bytes()?),
                _ => score_as_text(source)?,
            };
            let Some(score) = Score::new(score) else { return source.malformed("a score that is NaN") };
            self.changes.set_score(database, name, &self.member, score);
            self.apply_much(key).map_err(|problem| source.error(problem))?;
        }
        Ok(told)
    }

    /// Makes true what has been gathered, if that is much.
    pub(super) fn apply_much(&mut self, key: &Key<'_>) -> Result<(), Problem> {
        if self.changes.len() < GATHERED_BYTES { Ok(()) } else { self.apply(key) }
    }

    fn apply(&mut self, key: &Key<'_>) -> Result<(), Problem> {
        self.changes.end_record();
        if !key.has_expired {
            for mut body in self.changes.records() {
                while !body.is_empty() {
                    let change = decode(&mut body).expect("a Change that was just made");
                    let applied = self.store.apply(&change);
                    applied.map_err(|unknown| Problem::Refused(unknown.to_string()))?;
                }
            }
        }
        self.changes.clear();
        Ok(())
    }
}

impl std::fmt::Debug for Loader<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Loader").field("tally", &self.tally).finish_non_exhaustive()
    }
}

fn is_known(version: u32) -> bool {
    (1..=REDIS_VERSION).contains(&version) || version == VALKEY_VERSION
}

/// A score as files had it up to RDB version 7: a length in one byte, of which three stand for what is no number.
fn score_as_text<R: Read>(source: &mut Source<R>) -> Result<f64, Error> {
    Ok(match source.byte()? {
        253 => f64::NAN,
        254 => f64::INFINITY,
        255 => f64::NEG_INFINITY,
        len => {
            let mut text = [0; 252];
            let text = &mut text[..usize::from(len)];
            for place in &mut *text {
                *place = source.byte()?;
            }
            let score = parse_score(text).map(Score::get);
            return score.map_or_else(|| source.malformed("a score that is no number"), Ok);
        }
    })
}

/// Redis writes scores with `%.17g` or shorter, and `inf`; both come back to the bit.
fn parse_score(text: &[u8]) -> Option<Score> {
    std::str::from_utf8(text).ok()?.parse().ok().and_then(Score::new)
}
