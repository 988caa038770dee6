//! A running Redis or Valkey, asked key by key: SCAN for the names, DUMP for the values to the bit. It goes on serving;
//! a key that changes meanwhile is read before or after, one that goes is left out. Value and expiry are asked for in
//! one transaction: apart, a key renewed in between would arrive with the expiry that it had before.
//!
//! At the end the keys are counted against what the server counts. If it says that nothing was written meanwhile, the
//! numbers must be the same; else the report says what they are.

use super::progress_bar;
use super::report::{DatabaseCount, Report};
use crate::config::Config;
use crate::machine::clock::Clock;
use crate::net::address::ServerAddress;
use crate::net::client::{BlockingClient, request};
use crate::rdb::Loader;
use crate::resp::integer::parse as integer;
use crate::store::DatabaseIndex;
use std::collections::{HashSet, hash_map::RandomState};
use std::hash::BuildHasher;
use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::time::Duration;

/// How long the server may take for each step.
const PATIENCE: Duration = Duration::from_secs(60);

/// Keys asked for at a time.
const KEYS_PER_ROUND: &[u8] = b"100";

/// Bytes of values asked for at a time, so that the server need not hold more of them for us than one large one.
const GROUP_BYTES: u64 = 4 * 1024 * 1024;

/// Longest reply that is kept in memory, in bytes. (Values are not: they are read as they come.)
const REPLY_BYTES: u64 = 64 * 1024 * 1024;

/// How deep arrays nest: SCAN's reply has one in one.
const REPLY_DEPTH: usize = 2;

/// What INFO tells of writes: the same before and after, and nothing has been written in between.
const SIGNS_OF_WRITES: [&str; 5] =
    ["run_id:", "rdb_changes_since_last_save:", "rdb_last_save_time:", "expired_keys:", "evicted_keys:"];

/// Reads every key of the server, or of its one database that was named.
pub(super) fn read(
    address: &ServerAddress,
    config: &Config,
    loader: &mut Loader<'_>,
    report: &mut Report,
) -> Result<(), String> {
    let told = |error: String| format!("{address}: {error}");
    let mut server = Server::connect(address)?;
    let info = server.info().map_err(told)?;
    server.is_valkey = value_of(&info, "valkey_version:").is_some();
    server.refuse_parts(&info).map_err(told)?;
    let is_replica = value_of(&info, "role:").is_some_and(|role| role != "master");
    report.is_cut_off = value_of(&info, "master_link_status:").is_some_and(|status| status != "up");
    let mut wanted = server.databases().map_err(told)?;
    if let Some(named) = address.database {
        // That the server has it at all: one without keys is not told of.
        server.select(named).map_err(|error| told(format!("database {named}: {error}")))?;
        wanted.retain(|(database, _)| *database == named);
        if wanted.is_empty() {
            wanted.push((named, 0));
        }
    }
    if let Some((beyond, _)) = wanted.iter().find(|(database, _)| *database >= config.databases) {
        return Err(format!(
            "database {beyond} holds keys: say --databases {}, here and to the server",
            beyond + 1
        ));
    }
    let bar = progress_bar(wanted.iter().map(|(_, keys)| keys).sum(), "{human_pos}/{human_len} keys");
    let mut counts = Vec::new();
    for (database, keys) in &wanted {
        let read = server.read_database(*database, loader, report, |keys| bar.inc(keys));
        let read = read.map_err(|error| told(format!("database {database}: {error}")))?;
        counts.push(DatabaseCount { database: *database, before: *keys, read, after: 0 });
    }
    bar.finish_and_clear();
    // Databases that had no keys before are new, if all were to be read.
    for (database, after) in server.databases().map_err(told)? {
        match counts.iter_mut().find(|count| count.database == database) {
            Some(count) => count.after = after,
            None if address.database.is_none() => {
                counts.push(DatabaseCount { database, before: 0, read: 0, after });
            }
            None => {}
        }
    }
    let after = server.info().map_err(told)?;
    let signs = signs_of_writes(&info);
    let is_quiet = signs.is_some() && signs == signs_of_writes(&after) && !is_replica;
    // A replica counts keys that have expired and shows none.
    if let Some(count) = counts.iter().find(|count| is_quiet && count.read != count.after) {
        let DatabaseCount { database, read, after, .. } = count;
        return Err(told(format!(
            "database {database} holds {after} keys and {read} were read, although nothing has changed in it"
        )));
    }
    report.counts = counts;
    Ok(())
}

/// The value of a line in INFO's text.
fn value_of<'i>(info: &'i str, name: &str) -> Option<&'i str> {
    info.lines().find_map(|line| line.strip_prefix(name))
}

/// What INFO tells of writes, if it tells all of it.
fn signs_of_writes(info: &str) -> Option<[&str; 5]> {
    let mut signs = [""; 5];
    for (sign, name) in signs.iter_mut().zip(SIGNS_OF_WRITES) {
        *sign = value_of(info, name)?;
    }
    Some(signs)
}

/// A reply, as far as these commands have them.
enum Reply {
    Text(Vec<u8>),
    Integer(i64),
    Null,
    Array(Vec<Reply>),
}

/// A key, as its server describes it.
struct Key {
    name: Vec<u8>,
    /// The memory that it takes there, about.
    bytes: u64,
}

/// How many of the first keys may be asked for together.
fn group_len(keys: &[Key]) -> usize {
    let mut bytes = 0;
    let fitting = keys.iter().take_while(|key| {
        bytes += key.bytes;
        bytes <= GROUP_BYTES
    });
    fitting.count().max(1)
}

/// A connection to the server that is read.
struct Server {
    stream: BufReader<TcpStream>,
    is_valkey: bool,
    /// The command that tells when a key expires; servers before 7.0 know only how long it has left.
    expiry_command: &'static str,
}

impl Server {
    fn connect(address: &ServerAddress) -> Result<Self, String> {
        let client = address.connect_any(|address| BlockingClient::connect(address, PATIENCE))?;
        let stream = BufReader::new(client.into_stream());
        let mut server = Self { stream, is_valkey: false, expiry_command: "PEXPIRETIME" };
        if let Some(words) = address.authentication() {
            server.call(&words).map_err(|error| format!("{address}: {error}"))?;
        }
        if server.call(&[b"PEXPIRETIME", b"x"]).is_err() {
            server.expiry_command = "PTTL";
        }
        Ok(server)
    }

    fn info(&mut self) -> Result<String, String> {
        let Reply::Text(info) = self.call(&[b"INFO"])? else { return Err(unexpected()) };
        Ok(String::from_utf8_lossy(&info).into_owned())
    }

    /// The databases that hold keys, and how many.
    fn databases(&mut self) -> Result<Vec<(DatabaseIndex, u64)>, String> {
        let Reply::Text(info) = self.call(&[b"INFO", b"keyspace"])? else { return Err(unexpected()) };
        let info = String::from_utf8_lossy(&info).into_owned();
        let Some(("", lines)) = info.split_once("# Keyspace") else {
            return Err("INFO does not tell what databases there are".into());
        };
        let of_line = |line: &str| {
            let (database, facts) = line.strip_prefix("db")?.split_once(":keys=")?;
            Some((database.parse().ok()?, facts.split(',').next()?.parse().ok()?))
        };
        let lines = lines.lines().filter(|line| !line.is_empty());
        lines.map(|line| of_line(line).ok_or_else(unexpected)).collect()
    }

    fn select(&mut self, database: DatabaseIndex) -> Result<(), String> {
        self.call(&[b"SELECT", database.to_string().as_bytes()]).map(drop)
    }

    /// Refuses a server that holds a part only of what it should.
    fn refuse_parts(&mut self, info: &str) -> Result<(), String> {
        for sign in ["master_sync_in_progress:1", "loading:1", "async_loading:1"] {
            if info.lines().any(|line| line == sign) {
                return Err(format!("it does not hold all of its data yet ({sign})"));
            }
        }
        if value_of(info, "cluster_enabled:") == Some("1") {
            let Reply::Text(cluster) = self.call(&[b"CLUSTER", b"INFO"])? else { return Err(unexpected()) };
            let cluster = String::from_utf8_lossy(&cluster).into_owned();
            let nodes = value_of(&cluster, "cluster_size:").ok_or_else(unexpected)?;
            if !matches!(nodes, "0" | "1") {
                return Err(format!("it is one of {nodes} nodes of a cluster and holds its own slots only"));
            }
        }
        Ok(())
    }

    /// Reads a database and returns how many keys were read.
    fn read_database(
        &mut self,
        database: DatabaseIndex,
        loader: &mut Loader<'_>,
        report: &mut Report,
        mut done: impl FnMut(u64),
    ) -> Result<u64, String> {
        self.select(database)?;
        let mut cursor = b"0".to_vec();
        // Hashes of the names: SCAN may tell one again.
        let (mut seen, hasher, mut vanished) = (HashSet::new(), RandomState::new(), 0);
        loop {
            let Reply::Array(reply) = self.call(&[b"SCAN", &cursor, b"COUNT", KEYS_PER_ROUND])? else {
                return Err(unexpected());
            };
            let mut reply = reply.into_iter();
            let (Some(Reply::Text(next)), Some(Reply::Array(keys))) = (reply.next(), reply.next()) else {
                return Err(unexpected());
            };
            let keys = keys.into_iter().map(|key| match key {
                Reply::Text(key) => Ok(key),
                _ => Err(unexpected()),
            });
            let mut keys = keys.collect::<Result<Vec<_>, _>>()?;
            keys.retain(|key| seen.insert(hasher.hash_one(key)));
            let keys = self.describe(keys)?;
            let mut rest = keys.as_slice();
            while !rest.is_empty() {
                let (group, others) = rest.split_at(group_len(rest));
                rest = others;
                let mut requests = Vec::new();
                for key in group {
                    requests.extend(request(&[b"MULTI"]));
                    requests.extend(request(&[self.expiry_command.as_bytes(), &key.name]));
                    requests.extend(request(&[b"DUMP", &key.name]));
                    requests.extend(request(&[b"EXEC"]));
                }
                self.send(&requests)?;
                for key in group {
                    vanished += u64::from(!self.read_key(database, key, loader)?);
                }
            }
            done(keys.len() as u64);
            cursor = next;
            if cursor == b"0" {
                report.vanished_keys += vanished;
                return Ok(seen.len() as u64 - vanished);
            }
        }
    }

    /// Asks about how much memory the keys take.
    fn describe(&mut self, names: Vec<Vec<u8>>) -> Result<Vec<Key>, String> {
        let mut requests = Vec::new();
        names.iter().for_each(|name| requests.extend(request(&[b"MEMORY", b"USAGE", name])));
        self.send(&requests)?;
        let describe = |name| {
            let bytes = match self.reply() {
                Ok(Reply::Integer(bytes)) => u64::try_from(bytes).unwrap_or(0),
                Ok(Reply::Null) => 0,
                // A server that does not tell is asked for one value at a time.
                _ => GROUP_BYTES,
            };
            Ok(Key { name, bytes })
        };
        names.into_iter().map(describe).collect()
    }

    /// Reads a value that has been asked for; returns whether the key was still there.
    fn read_key(
        &mut self,
        database: DatabaseIndex,
        key: &Key,
        loader: &mut Loader<'_>,
    ) -> Result<bool, String> {
        let expire_at_ms = self.expiry()?;
        let line = self.line()?;
        let Some(len) = line.strip_prefix(b"$").and_then(integer) else { return Err(refused(&line)) };
        let Ok(len) = u64::try_from(len) else { return Ok(false) };
        let mut payload = (&mut self.stream).take(len);
        let read = loader.payload(&mut payload, database, &key.name, expire_at_ms, self.is_valkey);
        read.map_err(|error| format!("key \"{}\": {error}", key.name.escape_ascii()))?;
        io::copy(&mut payload, &mut io::sink()).map_err(|error| error.to_string())?;
        self.line_end()?;
        Ok(true)
    }

    /// The replies of a key's transaction up to its value: when the key expires.
    fn expiry(&mut self) -> Result<Option<u64>, String> {
        let told = self.expiry_command;
        for _ in ["MULTI", told, "DUMP"] {
            self.reply()?;
        }
        let line = self.line()?;
        if line != b"*2" {
            return Err(refused(&line));
        }
        let Reply::Integer(expiry) = self.reply()? else { return Err(unexpected()) };
        let expiry = u64::try_from(expiry).ok();
        Ok(if told == "PTTL" { expiry.map(|left_ms| Clock::system().now_ms() + left_ms) } else { expiry })
    }

    fn call(&mut self, words: &[&[u8]]) -> Result<Reply, String> {
        self.send(&request(words))?;
        self.reply()
    }

    fn send(&mut self, requests: &[u8]) -> Result<(), String> {
        self.stream.get_mut().write_all(requests).map_err(|error| error.to_string())
    }

    fn reply(&mut self) -> Result<Reply, String> {
        self.reply_within(REPLY_DEPTH)
    }

    fn reply_within(&mut self, depth: usize) -> Result<Reply, String> {
        let line = self.line()?;
        let Some((kind, text)) = line.split_first() else { return Err(unexpected()) };
        let number = || integer(text).ok_or_else(unexpected);
        Ok(match kind {
            b'+' => Reply::Text(text.to_vec()),
            b':' => Reply::Integer(number()?),
            b'$' => match u64::try_from(number()?) {
                Err(_) => Reply::Null,
                Ok(len) if len > REPLY_BYTES => return Err(unexpected()),
                Ok(len) => {
                    let mut text = Vec::new();
                    let read = (&mut self.stream).take(len).read_to_end(&mut text);
                    read.map_err(|error| error.to_string())?;
                    self.line_end()?;
                    Reply::Text(text)
                }
            },
            b'*' if depth > 0 => {
                let items = (0..number()?).map(|_| self.reply_within(depth - 1));
                Reply::Array(items.collect::<Result<_, _>>()?)
            }
            _ => return Err(refused(&line)),
        })
    }

    /// The next line, without its end.
    fn line(&mut self) -> Result<Vec<u8>, String> {
        let mut line = Vec::new();
        let read = (&mut self.stream).take(REPLY_BYTES).read_until(b'\n', &mut line);
        read.map_err(|error| error.to_string())?;
        match line.strip_suffix(b"\r\n") {
            Some(line) => Ok(line.to_vec()),
            None if line.is_empty() => Err("the connection was closed".into()),
            None => Err(unexpected()),
        }
    }

    fn line_end(&mut self) -> Result<(), String> {
        if self.line()?.is_empty() { Ok(()) } else { Err(unexpected()) }
    }
}

fn unexpected() -> String {
    "not a reply that a Redis would give".into()
}

/// An error reply in the server's words.
fn refused(line: &[u8]) -> String {
    line.strip_prefix(b"-").map_or_else(unexpected, |text| String::from_utf8_lossy(text).into_owned())
}
