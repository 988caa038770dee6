//! One writer: what it has sent, what was acknowledged, and whether the server has it.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, Ordering};

use super::model::{Field, Found, Model, Request, Value};
use super::steps::{self, now};
use crate::support::chance::Chance;
use crate::support::client::{Client, encode};
use crate::support::reply::Reply;

/// The writes of one writer to its own keys.
#[derive(Clone, Default)]
pub(super) struct Ledger {
    /// The data after the acknowledged writes.
    model: Model,
    /// The step that was sent and not acknowledged when the server ended.
    uncertain: Vec<Request>,
    pub(super) acknowledged: usize,
}

/// Is set when the round is over, also by a failure, so that the writers end.
#[derive(Default)]
pub(super) struct Over(AtomicBool);

impl Over {
    pub(super) fn is_set(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }
}

pub(super) struct SetOnDrop<'a>(pub(super) &'a Over);

impl Drop for SetOnDrop<'_> {
    fn drop(&mut self) {
        self.0.0.store(true, Ordering::Relaxed);
    }
}

impl Ledger {
    /// Writes until the server has ended.
    pub(super) fn write_until_the_end(
        &mut self,
        address: SocketAddr,
        writer: usize,
        chance: &mut Chance,
        over: &Over,
    ) {
        let Ok(mut client) = Client::try_connect(address) else { return };
        let [database, _] = steps::databases(writer);
        if client.try_call(&["SELECT", &database.to_string()]).is_err() {
            return;
        }
        while !over.is_set() {
            self.uncertain = steps::next(writer, &self.model, chance);
            let Ok(replies) = exchange(&mut client, &self.uncertain, Way::random(chance)) else { return };
            for (request, reply) in self.uncertain.iter().zip(&replies) {
                assert!(!reply.is_error(), "{request:?}: {reply:?}");
            }
            self.uncertain.drain(..).for_each(|request| self.model.apply(&request));
            self.acknowledged += 1;
        }
    }

    /// Compares the server's data with the acknowledged writes, and learns the outcome of the uncertain step: all of it
    /// happened, or nothing.
    pub(super) fn check(&mut self, client: &mut Client, writer: usize) {
        self.compare(client, writer).unwrap_or_else(|difference| panic!("{difference}"));
    }

    /// As [`Ledger::check`], and says how they differ.
    pub(super) fn compare(&mut self, client: &mut Client, writer: usize) -> Result<(), String> {
        let before = now();
        let found = steps::databases(writer).map(|database| {
            client.ask(&format!("SELECT {database}"));
            read(client, writer)
        });
        let asked = before..=now();
        let Some(without) = self.model.difference(&found, &asked) else {
            self.uncertain.clear();
            return Ok(());
        };
        let step = std::mem::take(&mut self.uncertain);
        step.iter().for_each(|request| self.model.apply(request));
        match self.model.difference(&found, &asked) {
            Some(with) => Err(format!("{without}; and with {step:?}, which was not acknowledged: {with}")),
            None => Ok(()),
        }
    }
}

/// How several requests become one.
#[derive(Clone, Copy)]
enum Way {
    Transaction,
    /// A script that declares no key.
    Script,
    /// A script that declares the keys of its requests.
    ScriptWithKeys,
    Function,
}

impl Way {
    fn random(chance: &mut Chance) -> Self {
        *chance.pick(&[&Self::Transaction, &Self::Script, &Self::ScriptWithKeys, &Self::Function])
    }
}

/// Runs the requests, each behind the number of its words, and returns their replies.
const RUN_ALL: &str = "local replies, at = {}, 1
while args[at] do
    local last = at + tonumber(args[at])
    replies[#replies + 1] = redis.call(unpack(args, at + 1, last))
    at = last + 1
end
return replies";

/// Sends the requests, as one if they are several, and returns their replies.
fn exchange(client: &mut Client, requests: &[Request], way: Way) -> std::io::Result<Vec<Reply>> {
    if let [request] = requests {
        return client.try_call(request).map(|reply| vec![reply]);
    }
    if let Way::Transaction = way {
        let mut bytes = encode(&["MULTI"]);
        requests.iter().for_each(|request| bytes.extend(encode(request)));
        bytes.extend(encode(&["EXEC"]));
        client.try_send_raw(&bytes)?;
        for _ in 0..=requests.len() {
            client.try_reply()?;
        }
        return client.try_reply().map(|reply| reply.items().to_vec());
    }
    let script = format!("local args = ARGV {RUN_ALL}");
    let keys: Vec<&str> = match way {
        Way::ScriptWithKeys => requests.iter().map(|request| request[1].as_str()).collect(),
        Way::Transaction | Way::Script | Way::Function => Vec::new(),
    };
    let count = keys.len().to_string();
    let mut words = match way {
        Way::Function => {
            let library = format!(
                "#!lua name=crash\nredis.register_function('run_all', function(keys, args) {RUN_ALL} end)"
            );
            // Another writer, or the server's last life, may have loaded it.
            client.try_call(&["FUNCTION", "LOAD", "REPLACE", &library])?;
            vec!["FCALL", "run_all", &count]
        }
        Way::Transaction | Way::Script | Way::ScriptWithKeys => vec!["EVAL", &script, &count],
    };
    words.extend(keys);
    let lengths: Vec<String> = requests.iter().map(|request| request.len().to_string()).collect();
    for (request, length) in requests.iter().zip(&lengths) {
        words.push(length);
        words.extend(request.iter().map(String::as_str));
    }
    let replies = client.try_call(&words)?;
    assert!(!replies.is_error(), "{words:?}: {replies:?}");
    Ok(replies.items().to_vec())
}

/// All keys of a writer in the selected database.
fn read(client: &mut Client, writer: usize) -> BTreeMap<String, Found> {
    let names = client.ask(&format!("KEYS *:{writer}:*"));
    let names = names.items().iter().map(Reply::text);
    names.filter_map(|name| read_key(client, &name).map(|found| (name, found))).collect()
}

/// A key with its time to live, `None` if it has expired meanwhile.
fn read_key(client: &mut Client, name: &str) -> Option<Found> {
    let texts = |reply: Reply| reply.items().iter().map(Reply::text).collect::<Vec<_>>();
    let value = match client.ask(&format!("TYPE {name}")).text().as_str() {
        "string" => match client.ask(&format!("GET {name}")) {
            Reply::Bulk(bytes) => Value::Text(bytes),
            _ => return None,
        },
        "hash" => Value::Hash(read_hash(client, name)),
        "list" => Value::List(texts(client.ask(&format!("LRANGE {name} 0 -1"))).into()),
        "set" => Value::Set(texts(client.ask(&format!("SMEMBERS {name}"))).into_iter().collect()),
        "zset" => {
            let rows = client.ask(&format!("ZRANGE {name} 0 -1 WITHSCORES"));
            let rows = rows.items().chunks(2);
            Value::Board(rows.map(|row| (row[0].text(), row[1].score() as i64)).collect())
        }
        _ => return None,
    };
    let before = now();
    let until = match client.ask(&format!("PTTL {name}")).integer() {
        -2 => return None,
        -1 => None,
        left => Some(before + left as u64..=now() + left as u64 + 1),
    };
    Some(Found { value, until })
}

fn read_hash(client: &mut Client, name: &str) -> BTreeMap<String, Field> {
    let pairs = client.ask(&format!("HGETALL {name}"));
    let pairs: Vec<(String, String)> =
        pairs.items().chunks(2).map(|pair| (pair[0].text(), pair[1].text())).collect();
    if pairs.is_empty() {
        return BTreeMap::new();
    }
    let fields: Vec<&str> = pairs.iter().map(|(field, _)| field.as_str()).collect();
    let ends = client.ask(&format!("HPEXPIRETIME {name} FIELDS {} {}", fields.len(), fields.join(" ")));
    let ends = ends.items().iter().map(Reply::integer);
    // -2 is a field that has expired meanwhile, -1 one that never does.
    let there = pairs.into_iter().zip(ends).filter(|(_, end)| *end != -2);
    there.map(|((field, value), end)| (field, (value, u64::try_from(end).ok()))).collect()
}
