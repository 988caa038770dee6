//! Imports from a running Redis or Valkey, key by key: SCAN for the names, DUMP for the values. The server goes on
//! serving. A key that changes meanwhile is read as it was before or after the change; a key that is removed is left
//! out. Value and expiry are asked for in one transaction: otherwise a key that is renewed in between would arrive
//! with its old expiry.
//!
//! At the end the number of keys is compared with the server's. If nothing was written to the server meanwhile, both
//! must be equal; else the report says what they are.

use super::files::progress_bar;
use super::peer::{PeerReply, PeerServer, refused, unexpected};
use super::report::{DatabaseCount, ImportReport};
use crate::config::Config;
use crate::machine::clock::Clock;
use crate::net::address::ServerAddress;
use crate::net::client::request;
use crate::net::tls::client::TlsOptions;
use crate::rdb::RdbReader;
use crate::resp::integer::parse as integer;
use crate::store::{DatabaseIndex, PolicyWords};
use std::collections::{HashSet, hash_map::RandomState};
use std::hash::BuildHasher;
use std::io::{self, Read};

/// Keys asked for at a time.
const KEYS_PER_ROUND: &[u8] = b"100";

/// Bytes of values asked for at a time. The server then holds no more than this, or one large value, for the import.
const GROUP_BYTES: u64 = 4 * 1024 * 1024;

/// Lines of INFO that writes change: if they are the same before and after, nothing has been written in between.
const SIGNS_OF_WRITES: [&str; 5] =
    ["run_id:", "rdb_changes_since_last_save:", "rdb_last_save_time:", "expired_keys:", "evicted_keys:"];

/// Reads every key of the server, or of its one database that was named.
pub(super) fn read(
    address: &ServerAddress,
    tls: &TlsOptions,
    config: &Config,
    reader: &mut RdbReader<'_>,
    report: &mut ImportReport,
) -> Result<(), String> {
    let at_server = |error: String| format!("{address}: {error}");
    let mut server = PeerServer::connect(&config.replica.source_address, address, tls)?;
    let info = server.info().map_err(at_server)?;
    server.is_valkey = value_of(&info, "valkey_version:").is_some();
    server.refuse_parts(&info).map_err(at_server)?;
    let is_replica = value_of(&info, "role:").is_some_and(|role| role != "master");
    report.is_cut_off = value_of(&info, "master_link_status:").is_some_and(|status| status != "up");
    let mut wanted = server.databases().map_err(at_server)?;
    if let Some(named) = address.database {
        // Checks that the database exists: INFO does not list a database without keys.
        server.select(named).map_err(|error| at_server(format!("database {named}: {error}")))?;
        wanted.retain(|(database, _)| *database == named);
        if wanted.is_empty() {
            wanted.push((named, 0));
        }
    }
    if let Some((beyond, _)) = wanted.iter().find(|(database, _)| *database >= config.databases) {
        return Err(format!(
            "database {beyond} holds keys: give --databases {} to the import and to the server",
            beyond + 1
        ));
    }
    if value_of(&info, "rankd_version:").is_some() {
        server.read_templates(reader).map_err(at_server)?;
    }
    // Servers before Redis 7 have no functions, and do not say how many.
    if value_of(&info, "number_of_libraries:").is_some_and(|libraries| libraries != "0") {
        server.read_libraries(reader).map_err(|error| at_server(format!("functions: {error}")))?;
    }
    let bar = progress_bar(wanted.iter().map(|(_, keys)| keys).sum(), "{human_pos}/{human_len} keys");
    let mut counts = Vec::new();
    for (database, keys) in &wanted {
        let read = server.read_database(*database, reader, report, |keys| bar.inc(keys));
        let read = read.map_err(|error| at_server(format!("database {database}: {error}")))?;
        counts.push(DatabaseCount { database: *database, before: *keys, read, after: 0 });
    }
    bar.finish_and_clear();
    // If all databases are read, one that had no keys before counts as well.
    for (database, after) in server.databases().map_err(at_server)? {
        match counts.iter_mut().find(|count| count.database == database) {
            Some(count) => count.after = after,
            None if address.database.is_none() => {
                counts.push(DatabaseCount { database, before: 0, read: 0, after });
            }
            None => {}
        }
    }
    let after = server.info().map_err(at_server)?;
    let signs = signs_of_writes(&info);
    let is_quiet = signs.is_some() && signs == signs_of_writes(&after) && !is_replica;
    // A replica counts expired keys and does not return them.
    if let Some(count) = counts.iter().find(|count| is_quiet && count.read != count.after) {
        let DatabaseCount { database, read, after, .. } = count;
        return Err(at_server(format!(
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

/// The values of the lines that writes change, if INFO has all of them.
fn signs_of_writes(info: &str) -> Option<[&str; 5]> {
    let mut signs = [""; 5];
    for (sign, name) in signs.iter_mut().zip(SIGNS_OF_WRITES) {
        *sign = value_of(info, name)?;
    }
    Some(signs)
}

/// A key, as its server describes it.
struct DescribedKey {
    name: Vec<u8>,
    /// Its approximate memory in the server, in bytes.
    bytes: u64,
}

/// How many of the first keys may be asked for together.
fn group_len(keys: &[DescribedKey]) -> usize {
    let mut bytes = 0;
    let fitting = keys.iter().take_while(|key| {
        bytes += key.bytes;
        bytes <= GROUP_BYTES
    });
    fitting.count().max(1)
}

impl PeerServer {
    fn info(&mut self) -> Result<String, String> {
        let PeerReply::Text(info) = self.call(&[b"INFO"])? else { return Err(unexpected()) };
        Ok(String::from_utf8_lossy(&info).into_owned())
    }

    /// The databases that hold keys, and how many.
    fn databases(&mut self) -> Result<Vec<(DatabaseIndex, u64)>, String> {
        let PeerReply::Text(info) = self.call(&[b"INFO", b"keyspace"])? else { return Err(unexpected()) };
        let info = String::from_utf8_lossy(&info).into_owned();
        let Some(("", lines)) = info.split_once("# Keyspace") else {
            return Err("INFO does not list the databases".into());
        };
        let of_line = |line: &str| {
            let (database, facts) = line.strip_prefix("db")?.split_once(":keys=")?;
            Some((database.parse().ok()?, facts.split(',').next()?.parse().ok()?))
        };
        let lines = lines.lines().filter(|line| !line.is_empty());
        lines.map(|line| of_line(line).ok_or_else(unexpected)).collect()
    }

    fn read_libraries(&mut self, reader: &mut RdbReader<'_>) -> Result<(), String> {
        let PeerReply::Text(payload) = self.call(&[b"FUNCTION", b"DUMP"])? else { return Err(unexpected()) };
        reader.libraries(&payload)
    }

    fn select(&mut self, database: DatabaseIndex) -> Result<(), String> {
        self.call(&[b"SELECT", database.to_string().as_bytes()]).map(drop)
    }

    /// Refuses a server that holds only a part of the data.
    fn refuse_parts(&mut self, info: &str) -> Result<(), String> {
        for sign in ["master_sync_in_progress:1", "loading:1", "async_loading:1"] {
            if info.lines().any(|line| line == sign) {
                return Err(format!("it has not loaded all of its data yet ({sign})"));
            }
        }
        if value_of(info, "cluster_enabled:") == Some("1") {
            let PeerReply::Text(cluster) = self.call(&[b"CLUSTER", b"INFO"])? else {
                return Err(unexpected());
            };
            let cluster = String::from_utf8_lossy(&cluster).into_owned();
            let nodes = value_of(&cluster, "cluster_size:").ok_or_else(unexpected)?;
            if !matches!(nodes, "0" | "1") {
                return Err(format!("it is one of {nodes} nodes of a cluster and holds only its own slots"));
            }
        }
        Ok(())
    }

    /// Reads a database and returns how many keys were read.
    fn read_database(
        &mut self,
        database: DatabaseIndex,
        reader: &mut RdbReader<'_>,
        report: &mut ImportReport,
        mut done: impl FnMut(u64),
    ) -> Result<u64, String> {
        self.select(database)?;
        let mut cursor = b"0".to_vec();
        // Hashes of the names, because SCAN may return a name twice.
        let (mut seen, hasher, mut vanished) = (HashSet::new(), RandomState::new(), 0);
        loop {
            let PeerReply::Array(reply) = self.call(&[b"SCAN", &cursor, b"COUNT", KEYS_PER_ROUND])? else {
                return Err(unexpected());
            };
            let mut reply = reply.into_iter();
            let (Some(PeerReply::Text(next)), Some(PeerReply::Array(keys))) = (reply.next(), reply.next())
            else {
                return Err(unexpected());
            };
            let keys = keys.into_iter().map(|key| match key {
                PeerReply::Text(key) => Ok(key),
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
                    vanished += u64::from(!self.read_key(database, key, reader)?);
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

    /// Reads the templates of boards of another rankd.
    fn read_templates(&mut self, reader: &mut RdbReader<'_>) -> Result<(), String> {
        let PeerReply::Array(words) = self.call(&[b"LB.TEMPLATE", b"LIST"])? else {
            return Err(unexpected());
        };
        for pair in words.chunks(2) {
            let [PeerReply::Text(pattern), PeerReply::Text(policy)] = pair else { return Err(unexpected()) };
            let prefix = pattern.strip_suffix(b"*").ok_or_else(unexpected)?;
            let words = policy.split(u8::is_ascii_whitespace);
            let policy = PolicyWords::parse(words).and_then(|words| words.policy());
            reader.template(prefix, &policy.map_err(|error| error.to_string())?);
        }
        Ok(())
    }

    /// Asks for the approximate memory of the keys.
    fn describe(&mut self, names: Vec<Vec<u8>>) -> Result<Vec<DescribedKey>, String> {
        let mut requests = Vec::new();
        names.iter().for_each(|name| requests.extend(request(&[b"MEMORY", b"USAGE", name])));
        self.send(&requests)?;
        let describe = |name| {
            let bytes = match self.reply() {
                Ok(PeerReply::Integer(bytes)) => u64::try_from(bytes).unwrap_or(0),
                Ok(PeerReply::Null) => 0,
                // If the server does not answer this, its values are asked for one at a time.
                _ => GROUP_BYTES,
            };
            Ok(DescribedKey { name, bytes })
        };
        names.into_iter().map(describe).collect()
    }

    /// Reads a value that has been asked for; returns whether the key was still there.
    fn read_key(
        &mut self,
        database: DatabaseIndex,
        key: &DescribedKey,
        reader: &mut RdbReader<'_>,
    ) -> Result<bool, String> {
        let expire_at_ms = self.expiry()?;
        let line = self.line()?;
        let Some(len) = line.strip_prefix(b"$").and_then(integer) else { return Err(refused(&line)) };
        let Ok(len) = u64::try_from(len) else { return Ok(false) };
        let mut payload = (&mut self.stream).take(len);
        let read = reader.payload(&mut payload, database, &key.name, expire_at_ms, self.is_valkey);
        read.map_err(|error| format!("key \"{}\": {error}", key.name.escape_ascii()))?;
        io::copy(&mut payload, &mut io::sink()).map_err(|error| error.to_string())?;
        self.line_end()?;
        Ok(true)
    }

    /// Reads the replies of a key's transaction up to its value. Returns when the key expires.
    fn expiry(&mut self) -> Result<Option<u64>, String> {
        let expiry_command = self.expiry_command;
        for _ in ["MULTI", expiry_command, "DUMP"] {
            self.reply()?;
        }
        let line = self.line()?;
        if line != b"*2" {
            return Err(refused(&line));
        }
        let PeerReply::Integer(expiry) = self.reply()? else { return Err(unexpected()) };
        let expiry = u64::try_from(expiry).ok();
        Ok(if expiry_command == "PTTL" {
            expiry.map(|left_ms| Clock::system().now_ms() + left_ms)
        } else {
            expiry
        })
    }
}
