//! The keys of a run, all with one prefix: whether they may be written, what is loaded already, and their removal.
//!
//! The key `<prefix>made-by` marks the prefix as used by `rankd bench`. Without it, keys with the prefix are data of
//! another program.

use super::scripts;
use super::template::Populations;
use super::workload::{LOAD, LOAD_LIBRARY, Workload};
use crate::net::client::BlockingClient;
use crate::text::quoting::quoted;
use redis_protocol::resp2::types::OwnedFrame;

/// The value of the key that marks the prefix.
const MARK: &[u8] = b"rankd bench";

/// The COUNT of SCAN.
const SCAN_COUNT: &[u8] = b"1000";

/// The keys of one run.
pub(super) struct RunKeys<'a> {
    pub(super) client: &'a mut BlockingClient,
    pub(super) populations: &'a Populations,
}

impl RunKeys<'_> {
    /// Marks the prefix, if it is not marked already.
    ///
    /// # Errors
    /// Keys of another program have the prefix, unless `force`.
    pub(super) fn claim(&mut self, force: bool) -> Result<(), String> {
        let mark = self.key("made-by");
        if self.client.ask(&[b"GET", &mark])? == OwnedFrame::BulkString(MARK.to_vec()) {
            return Ok(());
        }
        let mut found = None;
        if !force {
            self.scan(|_, keys| {
                found = keys.first().map(|key| quoted(key));
                Ok(found.is_none())
            })?;
        }
        if let Some(key) = found {
            let prefix = &self.populations.prefix;
            return Err(format!(
                "{key} was not created by rankd bench, which writes keys {prefix}* and removes them at the end; choose \
                 another --prefix, or use --force"
            ));
        }
        self.client.ask(&[b"SET", &mark, MARK]).map(drop)
    }

    /// Whether the data of `loader` exist, in the size of this run.
    pub(super) fn are_loaded(&mut self, loader: &Workload) -> Result<bool, String> {
        if loader.loads_scripts() || loader.is_used_up() {
            return Ok(false);
        }
        let members = self.populations.members;
        let loaded = self.client.ask(&[b"GET", &self.loaded(loader.name)])?;
        if loaded != OwnedFrame::BulkString(members.to_string().into_bytes()) {
            return Ok(false);
        }
        if loader.name != LOAD {
            return Ok(true);
        }
        let board = self.populations.board();
        Ok(self.client.ask(&[b"ZCARD", board.as_bytes()])? == OwnedFrame::Integer(members as i64))
    }

    /// Removes the keys that `loader` will write.
    pub(super) fn begin_loading(&mut self, loader: &Workload) -> Result<(), String> {
        let (board, loaded) = (self.populations.board(), self.loaded(loader.name));
        if loader.name == LOAD {
            self.client.ask(&[b"UNLINK", board.as_bytes()])?;
        }
        if loader.is_used_up() {
            for key in self.populations.large_keys("backlog") {
                self.client.ask(&[b"UNLINK", key.as_bytes()])?;
            }
        }
        self.client.ask(&[b"UNLINK", &loaded]).map(drop)
    }

    /// Records that `loader` has finished.
    pub(super) fn end_loading(&mut self, loader: &Workload) -> Result<(), String> {
        let members = self.populations.members.to_string();
        self.client.ask(&[b"SET", &self.loaded(loader.name), members.as_bytes()]).map(drop)
    }

    /// Removes all keys with the prefix, and the library of functions if a run has loaded it. O(keys of the server).
    pub(super) fn remove(&mut self) -> Result<(), String> {
        let library = self.loaded(LOAD_LIBRARY);
        if self.client.ask(&[b"GET", &library])? != OwnedFrame::Null {
            self.client.ask(&[b"FUNCTION", b"DELETE", scripts::LIBRARY.as_bytes()])?;
        }
        let mark = self.key("made-by");
        // The mark is removed last: after an interruption the next run still recognizes the keys.
        self.scan(|client, keys| {
            let names = keys.iter().filter(|key| **key != mark);
            let request: Vec<&[u8]> =
                std::iter::once(&b"UNLINK"[..]).chain(names.map(Vec::as_slice)).collect();
            if request.len() > 1 {
                client.ask(&request)?;
            }
            Ok(true)
        })?;
        self.client.ask(&[b"UNLINK", &mark]).map(drop)
    }

    /// Passes the keys with the prefix to `take`, some at a time, until it returns `false`.
    fn scan(
        &mut self,
        mut take: impl FnMut(&mut BlockingClient, &[Vec<u8>]) -> Result<bool, String>,
    ) -> Result<(), String> {
        let pattern: String =
            self.populations.prefix.chars().fold(String::new(), |mut pattern, character| {
                if "*?[]^-\\".contains(character) {
                    pattern.push('\\');
                }
                pattern.push(character);
                pattern
            });
        let pattern = format!("{pattern}*");
        let mut cursor = b"0".to_vec();
        loop {
            let reply =
                self.client.ask(&[b"SCAN", &cursor, b"MATCH", pattern.as_bytes(), b"COUNT", SCAN_COUNT])?;
            let (next, keys) = cursor_and_keys(reply).ok_or("SCAN: the reply is not one of Redis")?;
            if !take(self.client, &keys)? || next == b"0" {
                return Ok(());
            }
            cursor = next;
        }
    }

    fn key(&self, name: &str) -> Vec<u8> {
        format!("{}{name}", self.populations.prefix).into_bytes()
    }

    /// The key that records how much the loader called `loader` has loaded.
    fn loaded(&self, loader: &str) -> Vec<u8> {
        self.key(&format!("loaded:{loader}"))
    }
}

fn cursor_and_keys(reply: OwnedFrame) -> Option<(Vec<u8>, Vec<Vec<u8>>)> {
    let bulk = |frame| match frame {
        OwnedFrame::BulkString(bytes) => Some(bytes),
        _ => None,
    };
    let OwnedFrame::Array(parts) = reply else { return None };
    let [cursor, OwnedFrame::Array(keys)] = <[OwnedFrame; 2]>::try_from(parts).ok()? else { return None };
    Some((bulk(cursor)?, keys.into_iter().map(bulk).collect::<Option<_>>()?))
}
