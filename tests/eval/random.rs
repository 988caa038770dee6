//! Random scripts, run by rankd and by Redis: the replies are the same bytes, and so are the data afterwards.
//!
//! A script is a handful of statements over a few locals: calls of commands, tables, numbers, strings, loops, protected calls and
//! errors. What raises an error inside the language is left out, because its message is the interpreter's.

use crate::support::chance::Chance;
use crate::support::client::Client;
use crate::support::number_from_env;
use crate::support::server::{Peer, Server};

const KEYS: [&str; 6] = ["s1", "s2", "l1", "z1", "h1", "set1"];

struct Writing<'c> {
    chance: &'c mut Chance,
    text: String,
}

impl Writing<'_> {
    fn number(&mut self) -> String {
        let whole = self.chance.below(2000) as i64 - 1000;
        match self.chance.below(8) {
            0 => "0".into(),
            1 => format!("{whole}.5"),
            2 => format!("{whole}/3"),
            3 => format!("2^{}", self.chance.below(70)),
            4 => format!("{whole}e{}", self.chance.below(20)),
            5 => "#ARGV".into(),
            _ => whole.to_string(),
        }
    }

    fn string(&mut self) -> String {
        match self.chance.below(6) {
            0 => format!("'w{}'", self.chance.below(5)),
            1 => format!("ARGV[{}]", 1 + self.chance.below(2)),
            2 => {
                let number = self.number();
                format!("tostring({number})")
            }
            3 => {
                let (one, other) = (self.number(), self.number());
                format!("({one}) .. ':' .. ({other})")
            }
            4 => {
                let (number, digits) = (self.number(), self.chance.below(4));
                format!("string.format('%d|%.{digits}f|%s', {number}, {number}, {number})")
            }
            _ => format!("string.rep('ab', {}):upper():sub(2, -2)", self.chance.below(6)),
        }
    }

    fn command(&mut self) -> String {
        let (number, string, other) = (self.number(), self.string(), self.string());
        let key = self.chance.pick(&KEYS);
        match self.chance.below(20) {
            0 => format!("'SET', '{key}', {string}"),
            1 => format!("'SET', 's1', {number}"),
            2 => format!("'GET', '{key}'"),
            3 => format!("'INCRBY', 's2', {}", self.chance.below(100)),
            4 => format!("'RPUSH', 'l1', {string}, {number}"),
            5 => "'LRANGE', 'l1', 0, 20".into(),
            6 => "'LPOP', 'l1'".into(),
            7 => format!("'ZADD', 'z1', {}, {string}", self.chance.below(100)),
            8 => "'ZRANGE', 'z1', 0, -1, 'WITHSCORES'".into(),
            9 => format!("'ZSCORE', 'z1', {string}"),
            10 => format!("'ZINCRBY', 'z1', 1.5, {string}"),
            11 => format!("'HSET', 'h1', {string}, {other}"),
            12 => format!("'HGET', 'h1', {string}"),
            13 => "'HLEN', 'h1'".into(),
            14 => format!("'SADD', 'set1', {string}"),
            15 => format!("'SISMEMBER', 'set1', {string}"),
            16 => format!("'DEL', '{key}'"),
            17 => "'GET'".into(),
            18 => format!("'NOSUCH', {string}"),
            _ => format!("'EXISTS', '{key}'"),
        }
    }

    fn statement(&mut self, depth: usize) {
        let statement = match self.chance.below(if depth > 2 { 6 } else { 11 }) {
            0 | 1 => format!("t[#t + 1] = redis.pcall({})", self.command()),
            2 => format!("t[#t + 1] = {}", self.string()),
            3 => format!("t[#t + 1] = {}", self.number()),
            4 => {
                format!("local ok, e = pcall(redis.call, {}) t[#t + 1] = ok and 'fine' or e", self.command())
            }
            5 => format!("t[#t + 1] = {{{}, {{{}}}, true, false}}", self.number(), self.string()),
            6 => format!("redis.setresp({})", 2 + self.chance.below(2)),
            7 | 8 => {
                let turns = self.chance.below(4);
                self.block(&format!("for i = 1, {turns} do"), depth);
                return;
            }
            9 => {
                let (one, other) = (self.number(), self.number());
                self.block(&format!("if ({one}) < ({other}) then"), depth);
                return;
            }
            _ => {
                self.block("pcall(function()", depth);
                self.text.push_str(")\n");
                return;
            }
        };
        self.text.push_str(&statement);
        self.text.push('\n');
    }

    fn block(&mut self, head: &str, depth: usize) {
        self.text.push_str(head);
        self.text.push('\n');
        for _ in 0..1 + self.chance.below(2) {
            self.statement(depth + 1);
        }
        self.text.push_str("end\n");
    }

    fn end(&mut self) {
        let end = match self.chance.below(8) {
            0 => format!("return redis.call({})", self.command()),
            1 => format!("error({})", self.string()),
            2 => "error({err='MY error'})".into(),
            3 => "return #t".into(),
            4 => format!("return {{ok={}}}", self.string()),
            5 => format!("return redis.error_reply({})", self.string()),
            _ => "return t".into(),
        };
        self.text.push_str(&end);
    }
}

fn script(chance: &mut Chance) -> String {
    let mut writing = Writing { chance, text: "local t = {}\n".into() };
    for _ in 0..1 + writing.chance.below(6) {
        writing.statement(0);
    }
    writing.end();
    writing.text
}

fn answer(client: &mut Client, words: &[&str]) -> Vec<u8> {
    client.send(words);
    client.reply_with_bytes().expect("a reply").1
}

#[test]
fn random_scripts_get_the_replies_of_redis() {
    let Some(theirs) = Server::peer(Peer::Redis, &[]) else { return };
    let ours = Server::rankd_with(&["--appendonly", "no", "--threads", "2"]);
    let (mut ours, mut theirs) = (ours.client(), theirs.client());
    let seed = Chance::seed_from_env();
    println!("RANKD_SEED={seed}");
    let mut chance = Chance::new(seed);
    for number in 0..number_from_env("RANKD_STREAM_COMMANDS", 200_000) / 50 {
        if number % 500 == 250 {
            assert_eq!(answer(&mut ours, &["HELLO", "3"])[..1], answer(&mut theirs, &["HELLO", "3"])[..1]);
        }
        let text = script(&mut chance);
        let mut words = vec!["EVAL", &text];
        // Declared or not, all or some.
        let keys = &KEYS[..chance.below(KEYS.len() + 1)];
        let count = keys.len().to_string();
        words.push(&count);
        words.extend(keys);
        words.extend(["argument", "7"]);
        let (our, their) = (answer(&mut ours, &words), answer(&mut theirs, &words));
        assert_eq!(
            our.escape_ascii().to_string(),
            their.escape_ascii().to_string(),
            "script {number}:\n{text}"
        );
        for key in KEYS {
            let read = [
                "return {redis.call('TYPE', KEYS[1]).ok, redis.pcall('SORT', KEYS[1], 'ALPHA'), redis.pcall('GET', KEYS[1])}",
                "1",
                key,
            ];
            let words = [&["EVAL"][..], &read].concat();
            assert_eq!(
                answer(&mut ours, &words),
                answer(&mut theirs, &words),
                "{key} after script {number}:\n{text}"
            );
        }
    }
}
