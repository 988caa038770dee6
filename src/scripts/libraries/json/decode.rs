//! `cjson.decode`.

use mlua::{Lua, LuaString, MultiValue, Table, Value};

use super::scan::{JsonKind, JsonScanner, JsonToken};
use super::settings::JsonSettings;
use crate::limits;
use crate::scripts::libraries::arguments::LuaArguments;
use crate::scripts::libraries::problem::LuaProblem;

/// `decode(text)`: the value.
pub(super) fn decode(arguments: &LuaArguments, settings: JsonSettings) -> Result<MultiValue, LuaProblem> {
    if arguments.len() != 1 {
        return Err(LuaProblem::Argument(1, b"expected 1 argument".to_vec()));
    }
    let text = arguments.string(1)?;
    let text = text.as_bytes();
    if text.len() >= 2 && (text[0] == 0 || text[1] == 0) {
        return Err(LuaProblem::Placed(b"JSON parser does not support UTF-16 or UTF-32".to_vec()));
    }
    let decoder = JsonDecoder {
        lua: arguments.lua,
        scanner: JsonScanner::new(&text, settings.decodes_invalid),
        most: usize::try_from(settings.decode_max_depth).unwrap_or_default(),
        open: Vec::new(),
        slots: 0,
    };
    Ok(MultiValue::from_vec(vec![decoder.document()?]))
}

struct JsonDecoder<'a> {
    lua: &'a Lua,
    scanner: JsonScanner<'a>,
    /// The deepest nesting that the settings allow.
    most: usize,
    open: Vec<OpenValue>,
    /// How many places of Lua 5.1's stack the open values would take.
    slots: usize,
}

/// An object or array that has not ended, and where the next value goes.
struct OpenValue {
    table: Table,
    place: Place,
}

enum Place {
    Index(i64),
    Key(LuaString),
}

impl Place {
    fn slots(&self) -> usize {
        match self {
            Place::Index(_) => 1,
            Place::Key(_) => 2,
        }
    }
}

impl JsonDecoder<'_> {
    /// The whole text as one value. O(its bytes).
    fn document(mut self) -> Result<Value, LuaProblem> {
        let mut token = self.scanner.next();
        loop {
            let mut value = match token.kind {
                JsonKind::ObjectBegin => {
                    let table = self.descend()?;
                    token = self.scanner.next();
                    if token.kind != JsonKind::ObjectEnd {
                        let key = self.key(token)?;
                        token = self.open(table, Place::Key(key));
                        continue;
                    }
                    Value::Table(table)
                }
                JsonKind::ArrayBegin => {
                    let table = self.descend()?;
                    token = self.scanner.next();
                    if token.kind != JsonKind::ArrayEnd {
                        self.slots += Place::Index(1).slots();
                        self.open.push(OpenValue { table, place: Place::Index(1) });
                        continue;
                    }
                    Value::Table(table)
                }
                JsonKind::String => Value::String(self.lua.create_string(self.scanner.string())?),
                JsonKind::Number(number) => Value::Number(number),
                JsonKind::Boolean(boolean) => Value::Boolean(boolean),
                JsonKind::Null => Value::NULL,
                _ => return Err(unexpected("value", token)),
            };
            // The value is whole. It may be the last one of what is open.
            loop {
                token = self.scanner.next();
                let Some(open) = self.open.last_mut() else {
                    return match token.kind {
                        JsonKind::End => Ok(value),
                        _ => Err(unexpected("the end", token)),
                    };
                };
                let (end, expected) = match &mut open.place {
                    Place::Index(index) => {
                        open.table.raw_set(*index, value)?;
                        *index += 1;
                        (JsonKind::ArrayEnd, "comma or array end")
                    }
                    Place::Key(key) => {
                        open.table.raw_set(&*key, value)?;
                        (JsonKind::ObjectEnd, "comma or object end")
                    }
                };
                if token.kind == JsonKind::Comma {
                    token = self.next_place()?;
                    break;
                }
                if token.kind != end {
                    return Err(unexpected(expected, token));
                }
                let Some(ended) = self.open.pop() else { break };
                self.slots -= ended.place.slots();
                value = Value::Table(ended.table);
            }
        }
    }

    /// A table one level deeper.
    fn descend(&mut self) -> Result<Table, LuaProblem> {
        let depth = self.open.len() + 1;
        if depth > self.most || self.slots + 3 > limits::SCRIPT_LIBRARY_SLOTS {
            let at = self.scanner.offset();
            let text = format!("Found too many nested data structures ({depth}) at character {at}");
            return Err(LuaProblem::Placed(text.into_bytes()));
        }
        Ok(self.lua.create_table()?)
    }

    /// Opens `table`, and returns the first token of its first value.
    fn open(&mut self, table: Table, place: Place) -> JsonToken {
        self.slots += place.slots();
        self.open.push(OpenValue { table, place });
        self.scanner.next()
    }

    /// Goes on behind a comma: to the next key of an object. Returns the first token of the next value.
    fn next_place(&mut self) -> Result<JsonToken, LuaProblem> {
        let token = self.scanner.next();
        if !matches!(self.open.last(), Some(OpenValue { place: Place::Key(_), .. })) {
            return Ok(token);
        }
        let key = self.key(token)?;
        if let Some(open) = self.open.last_mut() {
            open.place = Place::Key(key);
        }
        Ok(self.scanner.next())
    }

    /// The key that `token` is, and the colon behind it.
    fn key(&mut self, token: JsonToken) -> Result<LuaString, LuaProblem> {
        if token.kind != JsonKind::String {
            return Err(unexpected("object key string", token));
        }
        let key = self.lua.create_string(self.scanner.string())?;
        let colon = self.scanner.next();
        if colon.kind != JsonKind::Colon {
            return Err(unexpected("colon", colon));
        }
        Ok(key)
    }
}

fn unexpected(expected: &str, found: JsonToken) -> LuaProblem {
    let (name, character) = (found.kind.name(), found.at + 1);
    LuaProblem::Placed(format!("Expected {expected} but found {name} at character {character}").into_bytes())
}
