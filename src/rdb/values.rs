//! Values, from the bytes of a file to the Changes that make them, in a store or by themselves.

use super::error::{Error, Problem};
use super::foreign;
use super::foreign::Templates;
use super::hashes;
use super::packed::{Packed, PackedElement};
use super::source::RdbSource;
use super::value_form::{Encoding, HashEncoding, ValueForm};
use crate::ranking::Score;
use crate::store::change::{Change, ChangeBuffer, decode};
use crate::store::{Access, DatabaseIndex, Hold, Store};
use std::io::Read;

/// Bytes of Changes gathered before they are applied.
const GATHERED_BYTES: usize = 64 * 1024;

/// Takes the Changes that values are read as.
pub(super) trait ChangeTarget {
    /// Makes the Change true.
    ///
    /// # Errors
    /// Why it cannot be.
    fn apply(&mut self, change: &Change<'_>) -> Result<(), Problem>;

    /// The number of elements of the value at a key.
    fn elements(&self, key: &NextKey<'_>) -> u64;
}

impl ChangeTarget for &Store {
    fn apply(&mut self, change: &Change<'_>) -> Result<(), Problem> {
        Store::apply(self, change).map_err(|unknown| Problem::Refused(unknown.to_string()))
    }

    fn elements(&self, key: &NextKey<'_>) -> u64 {
        let hold = Hold::on(self, &[self.shard_of(key.name)], Access::Read, ChangeBuffer::default());
        let value = hold.reader(key.database).value(key.name);
        value.map_or(0, |value| value.elements() as u64)
    }
}

/// A key whose value comes next.
pub(super) struct NextKey<'k> {
    pub(super) database: DatabaseIndex,
    pub(super) name: &'k [u8],
    pub(super) expire_at_ms: Option<u64>,
    pub(super) has_expired: bool,
}

/// What became of a value.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum ReadValue {
    /// The target has it.
    Taken,
    /// It, or all its elements, had expired and is left out.
    Expired,
    /// It has no elements.
    Empty,
    /// It was skipped, because rankd does not have this type.
    Foreign(String),
}

/// Reads values as Changes and passes those on to `T`, some thousands at a time.
pub(super) struct ValueReader<T> {
    pub(super) target: T,
    /// What expires up to this moment is left out. With `None` nothing is.
    pub(super) left_out_by_ms: Option<u64>,
    pub(super) changes: ChangeBuffer,
    pub(super) member: Vec<u8>,
}

impl<T: ChangeTarget> ValueReader<T> {
    /// A reader for `target`.
    pub(super) fn new(target: T, left_out_by_ms: Option<u64>) -> Self {
        Self { target, left_out_by_ms, changes: ChangeBuffer::default(), member: Vec::new() }
    }

    /// Reads the value of `key`, which has this form.
    ///
    /// # Errors
    /// If the bytes are malformed, or the target refuses the value. It has a part of it then.
    pub(super) fn value<R: Read>(
        &mut self,
        source: &mut RdbSource<R>,
        form: ValueForm,
        key: &NextKey<'_>,
        templates: &Templates,
    ) -> Result<ReadValue, Error> {
        let NextKey { database, name, .. } = *key;
        match form {
            ValueForm::Foreign(type_name, layout) => {
                let module = foreign::skip(source, layout, templates)?;
                let type_name = module.map_or(type_name.into(), |module| format!("{module} (of a module)"));
                return Ok(ReadValue::Foreign(type_name));
            }
            ValueForm::String => {
                source.string(&mut self.member)?;
                self.changes.set_string(database, name, &self.member, key.expire_at_ms);
            }
            ValueForm::Stream(version) => {
                self.changes.drop_key(database, name);
                self.stream(source, version, key)?;
            }
            ValueForm::List(_) | ValueForm::Set(_) | ValueForm::Ranking(_) | ValueForm::Hash(_) => {
                self.changes.drop_key(database, name);
                let (elements, expired) = match form {
                    ValueForm::List(encoding) => (self.list(source, encoding, key)?, 0),
                    ValueForm::Set(encoding) => (self.set(source, encoding, key)?, 0),
                    ValueForm::Ranking(encoding) => (self.ranking(source, encoding, key)?, 0),
                    ValueForm::Hash(encoding) => self.hash(source, encoding, key)?,
                    ValueForm::String | ValueForm::Stream(_) | ValueForm::Foreign(..) => {
                        unreachable!("read above")
                    }
                };
                self.apply(key).map_err(|problem| source.error(problem))?;
                if elements == 0 {
                    return Ok(if expired > 0 { ReadValue::Expired } else { ReadValue::Empty });
                }
                if !key.has_expired && self.target.elements(key) != elements {
                    return source
                        .malformed("a set, sorted set or hash in which a member or field occurs twice");
                }
            }
        }
        if key.expire_at_ms.is_some() && form != ValueForm::String {
            self.changes.set_expiry(database, name, key.expire_at_ms);
        }
        self.apply(key).map_err(|problem| source.error(problem))?;
        Ok(if key.has_expired { ReadValue::Expired } else { ReadValue::Taken })
    }

    /// Reads a hash. Returns how many fields were read, and how many had expired and are left out.
    fn hash<R: Read>(
        &mut self,
        source: &mut RdbSource<R>,
        encoding: HashEncoding,
        key: &NextKey<'_>,
    ) -> Result<(u64, u64), Error> {
        let (mut fields, mut expired) = (0, 0);
        hashes::read(source, encoding, &mut |field, value, at_ms| {
            if at_ms.zip(self.left_out_by_ms).is_some_and(|(at_ms, by_ms)| at_ms <= by_ms) {
                expired += 1;
                return Ok(());
            }
            fields += 1;
            self.changes.set_field(key.database, key.name, field, value);
            if at_ms.is_some() {
                self.changes.expire_field(key.database, key.name, field, at_ms);
            }
            self.apply_much(key)
        })?;
        Ok((fields, expired))
    }

    /// Reads a set and returns how many members were read.
    fn set<R: Read>(
        &mut self,
        source: &mut RdbSource<R>,
        encoding: Encoding,
        key: &NextKey<'_>,
    ) -> Result<u64, Error> {
        let NextKey { database, name, .. } = *key;
        if let Encoding::Packed(packing) = encoding {
            let mut packed = Packed::begin(source, packing)?;
            while let Some(member) = packed.next_element()? {
                member.copy_to(&mut self.member);
                self.changes.add_member(database, name, &self.member);
                self.apply_much(key).map_err(|problem| packed.error(problem))?;
            }
            return Ok(packed.found());
        }
        let announced = source.length()?;
        for _ in 0..announced {
            source.string(&mut self.member)?;
            self.changes.add_member(database, name, &self.member);
            self.apply_much(key).map_err(|problem| source.error(problem))?;
        }
        Ok(announced)
    }

    /// Reads a ranking and returns how many members were read.
    fn ranking<R: Read>(
        &mut self,
        source: &mut RdbSource<R>,
        encoding: Encoding,
        key: &NextKey<'_>,
    ) -> Result<u64, Error> {
        let NextKey { database, name, .. } = *key;
        if let Encoding::Packed(packing) = encoding {
            let mut packed = Packed::begin(source, packing)?;
            while let Some(member) = packed.next_element()? {
                member.copy_to(&mut self.member);
                let score = match packed.next_element()? {
                    Some(PackedElement::Integer(integer)) => Score::new(integer as f64),
                    Some(PackedElement::Bytes(text)) => parse_score(text),
                    None => return packed.malformed(),
                };
                let Some(score) = score else {
                    return Err(packed.error(Problem::Malformed("a score that is not a number")));
                };
                self.changes.set_score(database, name, &self.member, score);
                self.apply_much(key).map_err(|problem| packed.error(problem))?;
            }
            return Ok(packed.found() / 2);
        }
        let announced = source.length()?;
        for _ in 0..announced {
            source.string(&mut self.member)?;
            let score = match encoding {
                Encoding::Doubles => f64::from_le_bytes(source.bytes()?),
                _ => score_as_text(source)?,
            };
            let Some(score) = Score::new(score) else { return source.malformed("a score that is NaN") };
            self.changes.set_score(database, name, &self.member, score);
            self.apply_much(key).map_err(|problem| source.error(problem))?;
        }
        Ok(announced)
    }

    /// Applies the gathered Changes, if they are many.
    pub(super) fn apply_much(&mut self, key: &NextKey<'_>) -> Result<(), Problem> {
        if self.changes.len() < GATHERED_BYTES { Ok(()) } else { self.apply(key) }
    }

    fn apply(&mut self, key: &NextKey<'_>) -> Result<(), Problem> {
        self.changes.end_record();
        if !key.has_expired {
            for mut body in self.changes.records() {
                while !body.is_empty() {
                    self.target.apply(&decode(&mut body).expect("a Change that was just made"))?;
                }
            }
        }
        self.changes.clear();
        Ok(())
    }
}

/// Reads a score as RDB versions up to 7 write it: a length of one byte, and the digits. Three values of the length
/// stand for NaN and the infinities.
fn score_as_text<R: Read>(source: &mut RdbSource<R>) -> Result<f64, Error> {
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
            return score.map_or_else(|| source.malformed("a score that is not a number"), Ok);
        }
    })
}

/// Parses a score. Redis writes `%.17g` or shorter, and `inf`; both give the exact double back.
fn parse_score(text: &[u8]) -> Option<Score> {
    std::str::from_utf8(text).ok()?.parse().ok().and_then(Score::new)
}
