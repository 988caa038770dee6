//! Reads a file, or the value that DUMP gives, into a store.

use super::boards;
use super::error::{Error, Problem};
use super::foreign;
use super::foreign::Templates;
use super::functions::read_libraries;
use super::is_known;
use super::opcode;
use super::payload::TAIL_BYTES;
use super::producers;
use super::source::RdbSource;
use super::tally::{KeyCount, LoadTally};
use super::value_form::{Dialect, ValueForm};
use super::values::{ChangeTarget, NextKey, ReadValue, ValueReader};
use crate::store::change::{Change, What};
use crate::store::{DatabaseIndex, Policy, Shards, Store, Use};
use crate::text::library_head::LibraryHead;
use std::io::Read;

/// From this version on, files end with a checksum.
const CHECKSUM_SINCE: u32 = 5;

/// From here on, a number that is not known is an opcode and not a value type.
const LOWEST_OPCODE: u8 = 128;

/// Reads files and DUMP payloads into a store, without its sink. A key that exists is replaced.
pub struct RdbReader<'s> {
    values: ValueReader<&'s Store>,
    tally: LoadTally,
}

impl<'s> RdbReader<'s> {
    /// Reads into `store`, expired keys too: later data may renew them, as the append-only file behind a dump does,
    /// or their removal has to be recorded.
    #[must_use]
    pub fn new(store: &'s Store) -> Self {
        Self { values: ValueReader::new(store, None), tally: LoadTally::default() }
    }

    /// As [`RdbReader::new`], but leaves out keys that have expired by now: for a file that no further data follow.
    #[must_use]
    pub fn leaving_out_expired(store: &'s Store) -> Self {
        let now_ms = store.clock().now_ms();
        Self { values: ValueReader::new(store, Some(now_ms)), tally: LoadTally::default() }
    }

    /// The counts of what was read so far.
    #[must_use]
    pub fn tally(&self) -> &LoadTally {
        &self.tally
    }

    /// Reads one file and returns the bytes behind it.
    ///
    /// # Errors
    /// See [`Error`]. The store then holds a part of the file.
    pub fn file<R: Read>(&mut self, read: R) -> Result<impl Read + use<R>, Error> {
        let mut source = RdbSource::new(read);
        let (dialect, version) = self.header(&mut source)?;
        let (mut database, mut expire_at_ms, mut last_use) = (0, None, None);
        let (mut templates, mut count) = (Templates::default(), KeyCount::default());
        let (stored_before, read_before) = (self.stored_keys(), self.tally.keys);
        let mut name = Vec::new();
        loop {
            let number = source.byte()?;
            match number {
                opcode::END => break,
                opcode::SELECT_DATABASE => {
                    count.end(database, &mut self.tally);
                    database = DatabaseIndex::try_from(source.length()?).map_err(|_| {
                        source.error(Problem::Malformed("a database whose number is too large"))
                    })?;
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
                opcode::FREQUENCY => last_use = Some(Use::Frequency(source.byte()?)),
                opcode::IDLE => {
                    last_use = Some(Use::Idle { ms: source.length()?.saturating_mul(1000) });
                }
                opcode::AUX => self.aux(&mut source)?,
                opcode::FUNCTION => {
                    let mut text = Vec::new();
                    source.string(&mut text)?;
                    self.library(&text).map_err(|problem| source.error(problem))?;
                }
                opcode::FUNCTION_BEFORE_RELEASE => {
                    return source.malformed("a function in a form that only pre-releases wrote");
                }
                opcode::MODULE_AUX => {
                    let module = foreign::module_name(source.length()?);
                    foreign::skip_module_parts(&mut source)?;
                    *self.tally.module_data.entry(module).or_default() += 1;
                }
                _ => {
                    let form = ValueForm::of(number, dialect);
                    if form.is_none() && number >= LOWEST_OPCODE {
                        return Err(source.error(Problem::UnknownOpcode(number)));
                    }
                    source.string(&mut name)?;
                    let Some(form) = form else {
                        return Err(source.error(Problem::UnknownType { number, key: name }));
                    };
                    let key = self.key(database, &name, expire_at_ms.take());
                    self.value(&mut source, form, &key, &templates)?;
                    if let Some(known) = last_use.take() {
                        self.values.target.set_use(database, &name, known);
                    }
                    count.found += 1;
                }
            }
        }
        count.end(database, &mut self.tally);
        if version >= CHECKSUM_SINCE {
            let sum = source.checksum();
            let announced = source.u64_le()?;
            // Zero: the file was written with checksums off.
            if announced != 0 && announced != sum {
                return Err(source.error(Problem::WrongChecksum));
            }
        }
        let (stored, read) = (self.stored_keys() - stored_before, self.tally.keys - read_before);
        if stored != read {
            let twice = format!("a key occurs in it twice: {read} were read, and there are {stored}");
            return Err(source.error(Problem::Refused(twice)));
        }
        self.tally.bytes += source.offset();
        Ok(source.into_rest())
    }

    /// Takes a library of functions, whose first line has its name.
    fn library(&mut self, text: &[u8]) -> Result<(), Problem> {
        let head = LibraryHead::read(text);
        let head = head.map_err(|error| Problem::Refused(format!("a library of functions: {error}")))?;
        let library = Change::Library { name: &head.name, text: Some(text) };
        ChangeTarget::apply(&mut self.values.target, &library)?;
        self.tally.function_libraries += 1;
        Ok(())
    }

    /// Takes the libraries that FUNCTION DUMP has given.
    ///
    /// # Errors
    /// What is wrong with them.
    pub fn libraries(&mut self, payload: &[u8]) -> Result<(), String> {
        let texts = read_libraries(payload).map_err(|error| error.to_string())?;
        texts.iter().try_for_each(|text| {
            self.library(text).map_err(|problem| Error { offset: 0, problem }.to_string())
        })
    }

    fn stored_keys(&self) -> u64 {
        let store = self.values.target;
        let of = |database| Shards::free(store).size(database).keys as u64;
        (0..store.databases()).map(of).sum()
    }

    fn key_data<R: Read>(&mut self, source: &mut RdbSource<R>) -> Result<(), Error> {
        foreign::skip_key_data(source, |kind| *self.tally.key_data.entry(kind).or_default() += 1)
    }

    /// Reads the value that DUMP has given for a key; `read` must hold nothing else. A value of an unknown type is
    /// skipped and counted, because its length is known here.
    ///
    /// The version is not checked. The type's number determines the layout of the value, and the checksum right
    /// behind the value confirms that it was read to its end.
    ///
    /// # Errors
    /// As [`RdbReader::file`].
    pub fn payload(
        &mut self,
        read: impl Read,
        database: DatabaseIndex,
        name: &[u8],
        expire_at_ms: Option<u64>,
        is_valkey: bool,
    ) -> Result<(), Error> {
        let mut source = RdbSource::new(read);
        let mut number = source.byte()?;
        let dialect = if is_valkey { Dialect::Valkey } else { Dialect::Redis };
        if number == opcode::KEY_DATA && dialect == Dialect::Redis {
            self.key_data(&mut source)?;
            number = source.byte()?;
        }
        let key = self.key(database, name, expire_at_ms.map(u64::cast_signed));
        if number == boards::PAYLOAD_TYPE {
            let mut record = Vec::new();
            source.string(&mut record)?;
            self.board_at(&key, &record).map_err(|problem| source.error(problem))?;
        } else if let Some(form) = ValueForm::of(number, dialect) {
            self.value(&mut source, form, &key, &Templates::default())?;
        } else {
            source.skip_to_tail(TAIL_BYTES)?;
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

    fn header<R: Read>(&mut self, source: &mut RdbSource<R>) -> Result<(Dialect, u32), Error> {
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

    /// Reads a field about the file. Used are the version of the server that wrote it, and what a replica must know of the stream.
    fn aux<R: Read>(&mut self, source: &mut RdbSource<R>) -> Result<(), Error> {
        let (mut name, mut value) = (Vec::new(), Vec::new());
        source.short_string(&mut name)?;
        if name == boards::BOARD.as_bytes() || name == boards::EMPTY_BOARD.as_bytes() {
            source.string(&mut value)?;
            let is_key = name == boards::EMPTY_BOARD.as_bytes();
            return self.board(&value, is_key).map_err(|problem| source.error(problem));
        }
        if name == producers::PRODUCERS.as_bytes() {
            source.string(&mut value)?;
            let target = &mut self.values.target;
            let taken = producers::each_change(&value, |change| ChangeTarget::apply(target, change));
            return taken.map_err(|problem| source.error(problem));
        }
        if name == boards::TEMPLATE.as_bytes() {
            source.string(&mut value)?;
            let taken =
                boards::take_template(&value, |change| ChangeTarget::apply(&mut self.values.target, change));
            return taken.map_err(|problem| source.error(problem));
        }
        source.short_string(&mut value)?;
        if name == b"repl-stream-db" {
            let selected = std::str::from_utf8(&value).ok().and_then(|text| text.parse().ok());
            self.tally.selected = selected;
            return Ok(());
        }
        if name == b"rankd-whole-at" {
            self.tally.whole_at = std::str::from_utf8(&value).ok().and_then(|text| text.parse().ok());
            return Ok(());
        }
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

    /// Takes the Changes of a board with a policy, which take the place of the sorted set that was read before them, or of
    /// nothing if they are a key of their own.
    fn board(&mut self, record: &[u8], is_key: bool) -> Result<(), Problem> {
        let has_expired = boards::has_expired(record, self.values.left_out_by_ms)?;
        if is_key {
            *(if has_expired { &mut self.tally.expired_keys } else { &mut self.tally.keys }) += 1;
        }
        if has_expired {
            return Ok(());
        }
        boards::each_change(record, |change| ChangeTarget::apply(&mut self.values.target, change))
    }

    /// Takes a board with a policy from the record in a payload, which is about no key.
    fn board_at(&mut self, key: &NextKey<'_>, record: &[u8]) -> Result<(), Problem> {
        if key.has_expired {
            self.tally.expired_keys += 1;
            return Ok(());
        }
        let (keyspace, name) = (key.database, key.name);
        let target = &mut self.values.target;
        boards::each_change(record, |change| match *change {
            Change::Key { what: what @ What::Value(_), .. } => {
                ChangeTarget::apply(target, &Change::Key { keyspace, key: name, what })
            }
            _ => Ok(()),
        })?;
        self.tally.keys += 1;
        if key.expire_at_ms.is_none() {
            return Ok(());
        }
        let what = What::Expiry(key.expire_at_ms);
        ChangeTarget::apply(&mut self.values.target, &Change::Key { keyspace, key: name, what })
    }

    /// Takes a template of the server from which values are read.
    pub fn template(&mut self, prefix: &[u8], policy: &Policy) {
        let set = Shards::free(self.values.target).set_template(prefix, Some(policy));
        set.expect("a store that is being filled follows no master");
    }

    /// Reads the value of `key`, and counts it.
    fn value<R: Read>(
        &mut self,
        source: &mut RdbSource<R>,
        form: ValueForm,
        key: &NextKey<'_>,
        templates: &Templates,
    ) -> Result<(), Error> {
        let tally = &mut self.tally;
        *match self.values.value(source, form, key, templates)? {
            ReadValue::Taken => &mut tally.keys,
            ReadValue::Expired => &mut tally.expired_keys,
            ReadValue::Empty => &mut tally.empty_keys,
            ReadValue::Foreign(type_name) => tally.foreign_keys.entry(type_name).or_default(),
        } += 1;
        Ok(())
    }

    fn key<'k>(&self, database: DatabaseIndex, name: &'k [u8], expire_at_ms: Option<i64>) -> NextKey<'k> {
        let at_ms = expire_at_ms.map(|at_ms| u64::try_from(at_ms).unwrap_or(0));
        let has_expired = at_ms.zip(self.values.left_out_by_ms).is_some_and(|(at_ms, by_ms)| at_ms <= by_ms);
        NextKey { database, name, expire_at_ms: at_ms, has_expired }
    }
}

impl std::fmt::Debug for RdbReader<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("RdbReader").field("tally", &self.tally).finish_non_exhaustive()
    }
}
