//! `cjson.encode`.

use mlua::{MultiValue, Table, Value};

use super::settings::{InvalidNumbers, JsonSettings};
use crate::limits;
use crate::scripts::libraries::arguments::LuaArguments;
use crate::scripts::libraries::problem::{LuaProblem, type_name};
use crate::text::c_number::GeneralText;

/// `encode(value)`: the text.
pub(super) fn encode(arguments: &LuaArguments, settings: JsonSettings) -> Result<MultiValue, LuaProblem> {
    let (1, Some(value)) = (arguments.len(), arguments.get(1)) else {
        return Err(LuaProblem::Argument(1, b"expected 1 argument".to_vec()));
    };
    let mut encoder = JsonEncoder { arguments, settings, out: Vec::new(), open: Vec::new(), slots: 0 };
    encoder.document(value)?;
    let text = arguments.lua.create_string(encoder.out)?;
    Ok(MultiValue::from_vec(vec![Value::String(text)]))
}

struct JsonEncoder<'a> {
    arguments: &'a LuaArguments<'a>,
    settings: JsonSettings,
    out: Vec<u8>,
    open: Vec<OpenTable>,
    /// How many places of Lua 5.1's stack the open tables would take.
    slots: usize,
}

/// A table of which a part is written.
enum OpenTable {
    Array { table: Table, next: i64, len: i64 },
    Object(OpenObject),
}

/// An object whose pairs have been gone through once: `rest` is the text from its first table on, without that of its
/// tables, which stand at offsets in `rest`. So nothing holds a place in a table while others are written.
struct OpenObject {
    rest: Vec<u8>,
    written: usize,
    tables: std::vec::IntoIter<(usize, Table)>,
}

impl OpenTable {
    fn slots(&self) -> usize {
        match self {
            OpenTable::Array { .. } => 1,
            OpenTable::Object(_) => 2,
        }
    }
}

impl JsonEncoder<'_> {
    /// Writes `value` and all that is in it. O(its elements).
    fn document(&mut self, value: &Value) -> Result<(), LuaProblem> {
        if let Some(table) = write_scalar(&mut self.out, value, &self.settings)? {
            self.begin(table.clone())?;
        }
        while let Some(open) = self.open.last_mut() {
            self.arguments.step()?;
            let inner = match open {
                OpenTable::Array { table, next, len } if *next <= *len => {
                    if *next > 1 {
                        self.out.push(b',');
                    }
                    let value: Value = table.raw_get(*next)?;
                    *next += 1;
                    write_scalar(&mut self.out, &value, &self.settings)?.cloned()
                }
                OpenTable::Array { .. } => {
                    self.end(b']');
                    None
                }
                OpenTable::Object(object) => {
                    let next = object.tables.next();
                    let until = next.as_ref().map_or(object.rest.len(), |(at, _)| *at);
                    self.out.extend_from_slice(&object.rest[object.written..until]);
                    object.written = until;
                    if next.is_none() {
                        self.end(b'}');
                    }
                    next.map(|(_, table)| table)
                }
            };
            if self.out.len() > limits::SCRIPT_STRING_BYTES {
                return Err(LuaProblem::no_memory());
            }
            if let Some(table) = inner {
                self.begin(table)?;
            }
        }
        Ok(())
    }

    fn end(&mut self, bracket: u8) {
        self.out.push(bracket);
        if let Some(ended) = self.open.pop() {
            self.slots -= ended.slots();
        }
    }

    /// Begins to write a table.
    fn begin(&mut self, table: Table) -> Result<(), LuaProblem> {
        let depth = self.open.len() + 1;
        let most = usize::try_from(self.settings.encode_max_depth).unwrap_or_default();
        if depth > most || self.slots + 4 > limits::SCRIPT_LIBRARY_SLOTS {
            let text = format!("Cannot serialise, excessive nesting ({depth})");
            return Err(LuaProblem::Placed(text.into_bytes()));
        }
        let open = match array_len(&table, &self.settings)? {
            Some(len) => {
                self.out.push(b'[');
                OpenTable::Array { table, next: 1, len }
            }
            None => OpenTable::Object(self.object(&table)?),
        };
        self.slots += open.slots();
        self.open.push(open);
        Ok(())
    }

    /// Writes the pairs of an object up to its first table, and collects the others.
    fn object(&mut self, table: &Table) -> Result<OpenObject, LuaProblem> {
        self.out.push(b'{');
        let mut rest = Vec::new();
        let mut tables: Vec<(usize, Table)> = Vec::new();
        for (index, pair) in table.pairs::<Value, Value>().enumerate() {
            let (key, value) = pair?;
            self.arguments.step()?;
            let out = if tables.is_empty() { &mut self.out } else { &mut rest };
            if index > 0 {
                out.push(b',');
            }
            write_key(out, &key, &self.settings)?;
            if let Some(table) = write_scalar(out, &value, &self.settings)? {
                tables.push((rest.len(), table.clone()));
            }
            if rest.len() + self.out.len() > limits::SCRIPT_STRING_BYTES {
                return Err(LuaProblem::no_memory());
            }
        }
        Ok(OpenObject { rest, written: 0, tables: tables.into_iter() })
    }
}

fn refused(value: &Value, why: &str) -> LuaProblem {
    LuaProblem::Placed(format!("Cannot serialise {}: {why}", type_name(Some(value))).into_bytes())
}

/// The highest index of a table that is an array: all keys are positive integers, and not too few for the highest. `None`
/// for an object. lua-cjson keeps the index in 32 bits, so that one beyond them makes an object.
fn array_len(table: &Table, settings: &JsonSettings) -> Result<Option<i64>, LuaProblem> {
    let (mut highest, mut elements) = (0i32, 0i64);
    for pair in table.pairs::<Value, Value>() {
        match pair?.0 {
            Value::Integer(key) if key >= 1 => {
                if key > i64::from(highest) {
                    highest = i32::try_from(key).unwrap_or(i32::MIN);
                }
                elements += 1;
            }
            _ => return Ok(None),
        }
    }
    let ratio = i64::from(settings.sparse_ratio);
    let sparse = ratio > 0 && i64::from(highest) > elements * ratio && highest > settings.sparse_safe;
    if sparse && !settings.converts_sparse {
        return Err(LuaProblem::Placed(b"Cannot serialise table: excessively sparse array".to_vec()));
    }
    Ok((!sparse && highest > 0).then_some(i64::from(highest)))
}

/// Writes a value that is no table. Returns a table.
fn write_scalar<'a>(
    out: &mut Vec<u8>,
    value: &'a Value,
    settings: &JsonSettings,
) -> Result<Option<&'a Table>, LuaProblem> {
    match value {
        Value::Table(table) => return Ok(Some(table)),
        Value::String(string) => write_string(out, &string.as_bytes())?,
        Value::Integer(number) => write_number(out, *number as f64, value, settings)?,
        Value::Number(number) => write_number(out, *number, value, settings)?,
        Value::Boolean(true) => out.extend_from_slice(b"true"),
        Value::Boolean(false) => out.extend_from_slice(b"false"),
        Value::Nil => out.extend_from_slice(b"null"),
        Value::LightUserData(pointer) if pointer.0.is_null() => out.extend_from_slice(b"null"),
        _ => return Err(refused(value, "type not supported")),
    }
    Ok(None)
}

fn write_key(out: &mut Vec<u8>, key: &Value, settings: &JsonSettings) -> Result<(), LuaProblem> {
    match key {
        Value::String(string) => write_string(out, &string.as_bytes())?,
        Value::Integer(_) | Value::Number(_) => {
            out.push(b'"');
            write_scalar(out, key, settings)?;
            out.push(b'"');
        }
        _ => return Err(refused(key, "table key must be a number or string")),
    }
    out.push(b':');
    Ok(())
}

fn write_number(
    out: &mut Vec<u8>,
    number: f64,
    value: &Value,
    settings: &JsonSettings,
) -> Result<(), LuaProblem> {
    if number.is_finite() || settings.invalid_encoded == InvalidNumbers::Written && !number.is_nan() {
        let digits = usize::try_from(settings.precision).unwrap_or(1);
        out.extend_from_slice(GeneralText::of(number, digits).as_bytes());
        return Ok(());
    }
    match settings.invalid_encoded {
        InvalidNumbers::Refused => return Err(refused(value, "must not be NaN or Inf")),
        InvalidNumbers::Written => out.extend_from_slice(b"nan"),
        InvalidNumbers::Null => out.extend_from_slice(b"null"),
    }
    Ok(())
}

fn write_string(out: &mut Vec<u8>, string: &[u8]) -> Result<(), LuaProblem> {
    if out.len() + string.len() > limits::SCRIPT_STRING_BYTES {
        return Err(LuaProblem::no_memory());
    }
    out.push(b'"');
    let mut rest = string;
    while let Some(plain) = rest.iter().position(|byte| is_escaped(*byte)) {
        out.extend_from_slice(&rest[..plain]);
        match rest[plain] {
            byte @ (b'"' | b'\\' | b'/') => out.extend_from_slice(&[b'\\', byte]),
            8 => out.extend_from_slice(b"\\b"),
            b'\t' => out.extend_from_slice(b"\\t"),
            b'\n' => out.extend_from_slice(b"\\n"),
            12 => out.extend_from_slice(b"\\f"),
            b'\r' => out.extend_from_slice(b"\\r"),
            byte => out.extend_from_slice(format!("\\u{byte:04x}").as_bytes()),
        }
        rest = &rest[plain + 1..];
    }
    out.extend_from_slice(rest);
    out.push(b'"');
    Ok(())
}

fn is_escaped(byte: u8) -> bool {
    matches!(byte, 0..=31 | b'"' | b'\\' | b'/' | 127)
}
