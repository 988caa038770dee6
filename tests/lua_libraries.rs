//! Random calls of cjson, cmsgpack, struct and bit: rankd and Redis side by side, results and errors compared.
//!
//! Tables with several keys are left out of what is packed or encoded, because their order is the interpreter's. So is `-0.0`:
//! Lua 5.1 takes it for the same constant as `0` within one script.

use crate::support::chance::Chance;
use crate::support::number_from_env;
use crate::support::server::{Peer, Server};

/// Calls ARGV's function text and shows all results, tables with their keys in order.
const SHOWING: &str = r#"
local function byte(c) return string.format('\\%02x', string.byte(c)) end
local show
show = function(value, depth)
    local kind = type(value)
    if kind == 'string' then return '"' .. string.gsub(value, '[^%w !#-%[%]-~]', byte) .. '"' end
    if kind == 'number' then return value == value and string.format('%.17g', value) or 'nan' end
    if kind == 'userdata' then return value == cjson.null and 'null' or 'userdata' end
    if kind ~= 'table' then return tostring(value) end
    if depth > 12 then return '...' end
    local pairs_shown = {}
    for key, inner in pairs(value) do
        pairs_shown[#pairs_shown + 1] = show(key, depth + 1) .. '=' .. show(inner, depth + 1)
    end
    table.sort(pairs_shown)
    return '{' .. table.concat(pairs_shown, ',') .. '}'
end
local function shown(ok, ...)
    local results = {}
    for index = 1, select('#', ...) do results[index] = show((select(index, ...)), 0) end
    return tostring(ok) .. ' ' .. table.concat(results, ' ')
end
"#;

const NUMBERS: [&str; 27] = [
    "0",
    "1",
    "-1",
    "127",
    "128",
    "-32",
    "-33",
    "255",
    "256",
    "65535",
    "65536",
    "2^31",
    "2^31-1",
    "-2^31",
    "2^32",
    "2^53",
    "-2^53",
    "2^63",
    "-2^63",
    "0.5",
    "-1.5",
    "1/3",
    "1e15",
    "1e300",
    "1/0",
    "-1/0",
    "123456789.125",
];

/// Beginnings of MessagePack's values.
const TAGS: &[u8] = &[
    0x80, 0x81, 0x82, 0x90, 0x91, 0x92, 0xa1, 0xa3, 0xc0, 0xc1, 0xc2, 0xc3, 0xc4, 0xca, 0xcb, 0xcc, 0xcd,
    0xce, 0xcf, 0xd0, 0xd1, 0xd2, 0xd3, 0xd9, 0xda, 0xdb, 0xdc, 0xdd, 0xde, 0xdf, 0xe5,
];

/// Bytes that matter to JSON.
const JSON_BYTES: &[u8] = b"{}[],:\"\\ \n\0x0-+.eEnu1tf\xff";

struct Questions(Chance);

impl Questions {
    fn number(&mut self) -> String {
        match self.0.below(3) {
            0 => NUMBERS[self.0.below(NUMBERS.len())].to_owned(),
            1 => format!("{}", self.0.below(2_000_000) as i64 - 1_000_000),
            _ => format!("{}/{}", self.0.below(1_000_000), 1 + self.0.below(1_000)),
        }
    }

    fn bytes(&mut self, most: usize) -> Vec<u8> {
        (0..self.0.below(most + 1)).map(|_| self.0.next() as u8).collect()
    }

    fn value(&mut self, depth: usize) -> String {
        match self.0.below(if depth == 0 { 6 } else { 10 }) {
            0 | 1 => format!("({})", self.number()),
            2 | 3 => literal(&self.bytes(40)),
            4 => "true".to_owned(),
            5 => "cjson.null".to_owned(),
            6 => format!("{{[{}]={}}}", self.number().replace("-1/0", "7"), self.value(depth - 1)),
            7 => format!("{{[{}]={}}}", literal(&self.bytes(6)), self.value(depth - 1)),
            _ => {
                let elements: Vec<_> = (0..self.0.below(5)).map(|_| self.value(depth - 1)).collect();
                format!("{{{}}}", elements.join(","))
            }
        }
    }

    fn json(&mut self, depth: usize) -> String {
        match self.0.below(if depth == 0 { 5 } else { 9 }) {
            0 => format!("{}", self.0.below(2_000) as i64 - 1_000),
            1 => format!("{}e{}", self.0.below(100_000), self.0.below(600) as i64 - 300),
            2 => self
                .0
                .pick(&["true", "false", "null", "nan", "-Infinity", "0x1f", "01", "1e999", "+1"])
                .to_owned(),
            3 => self
                .0
                .pick(&["\"a\"", "\"\\u00e9\\n\"", "\"\\ud83d\\ude00\"", "\"\\ud800\"", "\"\\x\""])
                .to_owned(),
            4 => "\"\u{e9}\u{1f600}\"".to_owned(),
            5 | 6 => {
                let elements: Vec<_> = (0..self.0.below(5)).map(|_| self.json(depth - 1)).collect();
                format!("[{}]", elements.join(","))
            }
            _ => {
                let names = ["a", "b", "c"];
                let pairs: Vec<_> = (0..self.0.below(4))
                    .map(|n| format!("\"{}\": {}", names[n % 3], self.json(depth - 1)))
                    .collect();
                format!("{{{}}}", pairs.join(","))
            }
        }
    }

    /// JSON with up to two bytes changed.
    fn almost_json(&mut self) -> Vec<u8> {
        let mut text = self.json(4).into_bytes();
        for _ in 0..self.0.below(3) {
            let at = self.0.below(text.len());
            let byte = JSON_BYTES[self.0.below(JSON_BYTES.len())];
            match self.0.below(3) {
                0 => text[at] = byte,
                1 => text.insert(at, byte),
                _ if text.len() > 1 => drop(text.remove(at)),
                _ => {}
            }
        }
        text
    }

    fn packed(&mut self) -> Vec<u8> {
        let mut bytes = Vec::new();
        for _ in 0..self.0.below(14) {
            bytes.push(match self.0.below(3) {
                0 => self.0.below(256) as u8,
                1 => self.0.below(4) as u8,
                _ => TAGS[self.0.below(TAGS.len())],
            });
        }
        bytes
    }

    fn format(&mut self) -> String {
        let mut format = String::new();
        for _ in 0..1 + self.0.below(5) {
            let letter = self.0.pick(&[
                "b", "B", "h", "H", "l", "L", "T", "i", "I", "f", "d", "x", "c", "s", "<", ">", "!", " ",
            ]);
            format.push_str(letter);
            let numbers: &[&str] = match letter {
                "i" | "I" => &["", "1", "2", "3", "7", "8", "9", "16", "17", "32", "33", "0"],
                "c" => &["0", "1", "2", "9", ""],
                "!" => &["", "1", "2", "4", "8", "16", "3"],
                _ => &[""],
            };
            format.push_str(self.0.pick(numbers));
        }
        format
    }

    /// One call.
    fn question(&mut self) -> String {
        let number = self.number();
        match self.0.below(8) {
            0 => format!("cjson.decode({})", literal(&self.almost_json())),
            1 => format!("cjson.encode({})", self.value(4)),
            2 => format!("cmsgpack.pack({},{})", self.value(4), self.value(2)),
            3 => format!("cmsgpack.unpack({})", literal(&self.packed())),
            4 => format!(
                "cmsgpack.unpack_limit({},{},{})",
                literal(&self.packed()),
                self.0.below(4),
                self.0.below(5)
            ),
            5 => {
                let values: Vec<_> = (0..self.0.below(6)).map(|_| self.value(0)).collect();
                format!("struct.pack({})", [vec![format!("'{}'", self.format())], values].concat().join(","))
            }
            6 => format!(
                "struct.unpack('{}',{},{})",
                self.format(),
                literal(&self.bytes(60)),
                1 + self.0.below(4)
            ),
            _ => {
                let name = self.0.pick(&[
                    "tobit", "tohex", "bnot", "band", "bor", "bxor", "lshift", "rshift", "arshift", "rol",
                    "ror", "bswap",
                ]);
                format!(
                    "bit.{name}({number},{})",
                    self.0.pick(&["1", "33", "-7", "'7'", "'x'", "nil", "2^40"])
                )
            }
        }
    }
}

/// A string of Lua with these bytes.
fn literal(bytes: &[u8]) -> String {
    let escapes: String = bytes.iter().map(|byte| format!("\\{byte:03}")).collect();
    format!("'{escapes}'")
}

#[test]
fn random_calls_answer_as_in_redis() {
    let Some(redis) = Server::peer(Peer::Redis, &[]) else { return };
    let rankd = Server::rankd();
    let seed = Chance::seed_from_env();
    println!("RANKD_SEED={seed}");
    let mut questions = Questions(Chance::new(seed));
    let (mut redis, mut rankd) = (redis.client(), rankd.client());
    // A script with many questions: to compile one takes longer than to run it.
    const EACH: usize = 20;
    for _ in 0..number_from_env("RANKD_STREAM_COMMANDS", 4_000) as usize / EACH {
        let asked: Vec<String> = (0..EACH).map(|_| questions.question()).collect();
        let calls: Vec<_> =
            asked.iter().map(|call| format!("shown(pcall(function() return {call} end))")).collect();
        let script = format!("{SHOWING} return {{{}}}", calls.join(",\n"));
        let [expected, found] =
            [&mut redis, &mut rankd].map(|client| client.call(&["EVAL", script.as_str(), "0"]));
        assert_eq!(found.items().len(), EACH, "{found:?}");
        for ((asked, expected), found) in asked.iter().zip(expected.items()).zip(found.items()) {
            assert_eq!(found, expected, "RANKD_SEED={seed}: {asked}");
        }
    }
}
