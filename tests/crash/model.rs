//! What the data of one writer must be: a naive model of the commands that it sends. It knows no journal.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::ops::RangeInclusive;

/// A request, its words.
pub(super) type Request = Vec<String>;

/// A moment in milliseconds of the Unix epoch.
pub(super) type Moment = u64;

/// A field's value, and when it expires.
pub(super) type Field = (String, Option<Moment>);

#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Value {
    Text(Vec<u8>),
    Hash(BTreeMap<String, Field>),
    List(VecDeque<String>),
    Set(BTreeSet<String>),
    Board(BTreeMap<String, i64>),
}

#[derive(Clone, Debug)]
pub(super) struct Key {
    pub(super) value: Value,
    pub(super) until: Option<Moment>,
}

/// A key as the server has it. Its end lies in a range, because it was told as a time to live.
#[derive(Debug)]
pub(super) struct Found {
    pub(super) value: Value,
    pub(super) until: Option<RangeInclusive<Moment>>,
}

/// The keys of one writer.
#[derive(Clone, Debug, Default)]
pub(super) struct Model {
    pub(super) keys: BTreeMap<String, Key>,
    /// Those in its other database.
    aside: BTreeMap<String, Key>,
}

/// The part of a value that a command of its type changes; a missing key is made.
macro_rules! part {
    ($model:expr, $key:expr, $kind:ident) => {{
        let new = || Key { value: Value::$kind(Default::default()), until: None };
        match &mut $model.keys.entry($key.clone()).or_insert_with(new).value {
            Value::$kind(part) => part,
            other => panic!("{} is {other:?}", $key),
        }
    }};
}

impl Model {
    /// Runs a request. Its key must be of the right type.
    pub(super) fn apply(&mut self, request: &[String]) {
        let [command, key, rest @ ..] = request else { panic!("no key: {request:?}") };
        match command.as_str() {
            "SWAPDB" => std::mem::swap(&mut self.keys, &mut self.aside),
            "RENAME" | "RENAMENX" | "COPY" | "MOVE" => self.relocate(command, key, rest),
            "DEL" | "GETDEL" => drop(self.keys.remove(key)),
            "PERSIST" | "PEXPIREAT" => {
                if let Some(found) = self.keys.get_mut(key) {
                    found.until = rest.first().map(|moment| number(moment));
                }
            }
            "SET" | "APPEND" | "SETRANGE" | "SETBIT" | "INCRBY" | "MSET" => self.apply_to_text(request),
            "HSET" | "HSETEX" | "HDEL" | "HINCRBY" | "HPEXPIREAT" | "HPERSIST" => {
                self.apply_to_hash(command, key, rest);
            }
            "SADD" => part!(self, key, Set).extend(rest.iter().cloned()),
            "SREM" => part!(self, key, Set).retain(|member| !rest.contains(member)),
            "ZADD" => drop(part!(self, key, Board).insert(rest[1].clone(), number(&rest[0]))),
            "ZINCRBY" => {
                *part!(self, key, Board).entry(rest[1].clone()).or_default() += number::<i64>(&rest[0]);
            }
            "ZREM" => drop(part!(self, key, Board).remove(&rest[0])),
            "ZPOPMIN" => {
                let board = part!(self, key, Board);
                let lowest = board.iter().map(|(member, score)| (*score, member.clone())).min();
                lowest.map(|(_, member)| board.remove(&member));
            }
            _ => self.apply_to_list(command, key, rest),
        }
        self.keys.retain(|_, key| !key.value.is_empty());
    }

    fn relocate(&mut self, command: &str, key: &String, rest: &[String]) {
        let Some(found) = self.keys.get(key).cloned() else { return };
        let to = &rest[0];
        let stays = match command {
            "RENAMENX" => self.keys.contains_key(to),
            "MOVE" => self.aside.contains_key(key),
            "COPY" => true,
            _ => false,
        };
        if !stays {
            self.keys.remove(key);
        }
        match command {
            "MOVE" | "RENAMENX" if stays => {}
            "MOVE" => drop(self.aside.insert(key.clone(), found)),
            _ => drop(self.keys.insert(to.clone(), found)),
        }
    }

    fn apply_to_text(&mut self, request: &[String]) {
        let key = &request[1];
        match request {
            [command, pairs @ ..] if command == "MSET" => {
                for pair in pairs.chunks(2) {
                    let value = Value::Text(pair[1].clone().into_bytes());
                    self.keys.insert(pair[0].clone(), Key { value, until: None });
                }
            }
            [command, _, text, option @ ..] if command == "SET" => {
                let until = match option {
                    [option] if option == "KEEPTTL" => self.keys.get(key).and_then(|key| key.until),
                    [_, moment] => Some(number(moment)),
                    _ => None,
                };
                self.keys.insert(key.clone(), Key { value: Value::Text(text.clone().into_bytes()), until });
            }
            [command, _, text] if command == "APPEND" => part!(self, key, Text).extend(text.bytes()),
            [command, _, offset, text] if command == "SETRANGE" => {
                let (bytes, offset) = (part!(self, key, Text), number::<usize>(offset));
                bytes.resize(bytes.len().max(offset + text.len()), 0);
                bytes[offset..offset + text.len()].copy_from_slice(text.as_bytes());
            }
            [command, _, offset, bit] if command == "SETBIT" => {
                let (bytes, offset) = (part!(self, key, Text), number::<usize>(offset));
                bytes.resize(bytes.len().max(offset / 8 + 1), 0);
                let mask = 0x80 >> (offset % 8);
                bytes[offset / 8] = bytes[offset / 8] & !mask | if bit == "1" { mask } else { 0 };
            }
            [command, _, step] if command == "INCRBY" => {
                let bytes = part!(self, key, Text);
                let before: i64 = if bytes.is_empty() { 0 } else { number(&String::from_utf8_lossy(bytes)) };
                *bytes = (before + number::<i64>(step)).to_string().into_bytes();
            }
            _ => panic!("the model knows no {request:?}"),
        }
    }

    fn apply_to_hash(&mut self, command: &str, key: &String, rest: &[String]) {
        let hash = part!(self, key, Hash);
        match (command, rest) {
            ("HSET", pairs) => {
                hash.extend(pairs.chunks(2).map(|pair| (pair[0].clone(), (pair[1].clone(), None))));
            }
            ("HSETEX", [_, moment, _, _, field, value]) => {
                hash.insert(field.clone(), (value.clone(), Some(number(moment))));
            }
            ("HDEL", fields) => hash.retain(|field, _| !fields.contains(field)),
            ("HINCRBY", [field, step]) => {
                let (value, _) = hash.entry(field.clone()).or_insert_with(|| ("0".to_owned(), None));
                *value = (number::<i64>(value) + number::<i64>(step)).to_string();
            }
            ("HPEXPIREAT", [moment, _, _, field]) => {
                hash.entry(field.clone()).and_modify(|(_, until)| *until = Some(number(moment)));
            }
            ("HPERSIST", [_, _, field]) => {
                drop(hash.entry(field.clone()).and_modify(|(_, until)| *until = None));
            }
            _ => panic!("the model knows no {command} {rest:?}"),
        }
    }

    fn apply_to_list(&mut self, command: &str, key: &String, rest: &[String]) {
        if command == "LMOVE" {
            let [to, from_end, to_end] = rest else { panic!("LMOVE {rest:?}") };
            let from = part!(self, key, List);
            let moved = if from_end == "LEFT" { from.pop_front() } else { from.pop_back() };
            if let Some(moved) = moved {
                let to = part!(self, to, List);
                if to_end == "LEFT" { to.push_front(moved) } else { to.push_back(moved) }
            }
            return;
        }
        let list = part!(self, key, List);
        match (command, rest) {
            ("LPUSH", elements) => elements.iter().for_each(|element| list.push_front(element.clone())),
            ("RPUSH", elements) => list.extend(elements.iter().cloned()),
            ("LPOP", [count]) => drop(list.drain(..number::<usize>(count).min(list.len()))),
            ("RPOP", [count]) => list.truncate(list.len().saturating_sub(number(count))),
            ("LTRIM", [first, last]) => {
                list.truncate(number::<usize>(last) + 1);
                list.drain(..number::<usize>(first).min(list.len()));
            }
            ("LSET", [index, element]) => list[number::<usize>(index)] = element.clone(),
            ("LINSERT", [place, pivot, element]) => {
                if let Some(at) = list.iter().position(|element| element == pivot) {
                    list.insert(at + usize::from(place == "AFTER"), element.clone());
                }
            }
            ("LREM", [count, element]) => {
                for _ in 0..number::<usize>(count) {
                    list.iter().position(|other| other == element).map(|at| list.remove(at));
                }
            }
            _ => panic!("the model knows no {command} {rest:?}"),
        }
    }

    /// The first difference between this and what the server has in the two databases. `asked` is the time within which it was asked: what
    /// expired before it must be gone, what expires within it may be.
    pub(super) fn difference(
        &self,
        found: &[BTreeMap<String, Found>; 2],
        asked: &RangeInclusive<Moment>,
    ) -> Option<String> {
        let [found, found_aside] = found;
        difference(&self.keys, found, asked).or_else(|| difference(&self.aside, found_aside, asked))
    }
}

fn difference(
    keys: &BTreeMap<String, Key>,
    found: &BTreeMap<String, Found>,
    asked: &RangeInclusive<Moment>,
) -> Option<String> {
    let names: BTreeSet<&String> = keys.keys().chain(found.keys()).collect();
    names.into_iter().find_map(|name| {
        let expected = keys.get(name).filter(|key| key.until.is_none_or(|until| until > *asked.start()));
        let found = found.get(name);
        let fits = match (expected, found) {
            (None, None) => true,
            (None, Some(_)) => false,
            (Some(key), None) => key.may_be_gone(asked),
            (Some(key), Some(found)) => key.fits(found, asked),
        };
        (!fits).then(|| format!("{name} is {found:?}, not {expected:?}"))
    })
}

impl Key {
    fn may_be_gone(&self, asked: &RangeInclusive<Moment>) -> bool {
        let ends = |until: &Option<Moment>| until.is_some_and(|until| until <= *asked.end());
        let fields_end = match &self.value {
            Value::Hash(hash) => hash.values().all(|(_, until)| ends(until)),
            _ => false,
        };
        ends(&self.until) || fields_end
    }

    fn fits(&self, found: &Found, asked: &RangeInclusive<Moment>) -> bool {
        let same_end = match (&self.until, &found.until) {
            (None, None) => true,
            (Some(until), Some(range)) => range.contains(until),
            _ => false,
        };
        let same_value = match (&self.value, &found.value) {
            (Value::Hash(hash), Value::Hash(found)) => {
                found.iter().all(|(field, value)| hash.get(field) == Some(value))
                    && hash.iter().all(|(field, (_, until))| {
                        let there = found.contains_key(field);
                        let [must_be_gone, may_be_gone] = [asked.start(), asked.end()]
                            .map(|moment| until.is_some_and(|until| until <= *moment));
                        if there { !must_be_gone } else { may_be_gone }
                    })
            }
            (value, found) => value == found,
        };
        same_end && same_value
    }
}

impl Value {
    fn is_empty(&self) -> bool {
        match self {
            Self::Text(_) => false,
            Self::Hash(hash) => hash.is_empty(),
            Self::List(list) => list.is_empty(),
            Self::Set(set) => set.is_empty(),
            Self::Board(board) => board.is_empty(),
        }
    }
}

fn number<N: std::str::FromStr>(text: &str) -> N {
    text.parse().unwrap_or_else(|_| panic!("not a number: {text}"))
}
