//! A client's line in CLIENT LIST and CLIENT INFO.

use super::client::Client;
use super::marks::Mark;
use std::fmt::Write;
use std::sync::atomic::Ordering;

impl Client {
    /// The connection's line in CLIENT LIST. `command_name` spells a position in the command table.
    #[must_use]
    pub fn line(&self, now_ms: u64, command_name: impl Fn(usize) -> String) -> String {
        let names = self.names.lock().clone();
        let seconds_since = |ms: u64| now_ms.saturating_sub(ms) / 1000;
        let (output_bytes, mail_bytes) =
            (self.output_buffer_bytes.load(Ordering::Relaxed), self.mailbox.bytes());
        let waiting = [output_bytes, mail_bytes].iter().filter(|bytes| **bytes > 0).count();
        let redirect = match self.marks.has(Mark::Tracks) {
            true => self.redirect.load(Ordering::Relaxed).cast_signed(),
            false => -1,
        };
        let mut line = String::new();
        let mut field = |name: &str, value: &dyn std::fmt::Display| {
            let space = if line.is_empty() { "" } else { " " };
            // Writing to a string does not fail.
            let _ = write!(line, "{space}{name}={value}");
        };
        field("id", &self.id);
        field("addr", &self.peer.address);
        field("laddr", &self.peer.local_address);
        field("fd", &self.peer.descriptor);
        field("name", &names.name);
        field("age", &seconds_since(self.connected_ms));
        field("idle", &seconds_since(self.last_active_ms.load(Ordering::Relaxed)));
        field("flags", &self.flags());
        field("db", &self.database.load(Ordering::Relaxed));
        field("sub", &self.channels.load(Ordering::Relaxed));
        field("psub", &self.patterns.load(Ordering::Relaxed));
        field("ssub", &self.shard_channels.load(Ordering::Relaxed));
        field("multi", &self.queued.load(Ordering::Relaxed));
        field("watch", &self.watched.load(Ordering::Relaxed));
        field("qbuf", &self.query_buffer_bytes.load(Ordering::Relaxed));
        field("qbuf-free", &self.query_buffer_free_bytes.load(Ordering::Relaxed));
        field("argv-mem", &self.argument_bytes.load(Ordering::Relaxed));
        field("multi-mem", &self.queued_bytes.load(Ordering::Relaxed));
        field("rbs", &0);
        field("rbp", &0);
        field("obl", &0);
        field("oll", &waiting);
        field("omem", &(output_bytes + mail_bytes));
        field("tot-mem", &self.memory_bytes());
        field("events", &if waiting > 0 { "rw" } else { "r" });
        field("cmd", &self.last_command().map_or_else(|| "NULL".into(), command_name));
        field("user", &names.user);
        field("redir", &redirect);
        field("resp", &self.protocol.load(Ordering::Relaxed));
        field("lib-name", &names.library);
        field("lib-ver", &names.library_version);
        field("io-thread", &0);
        field("tot-net-in", &self.input_bytes.get());
        field("tot-net-out", &self.output_bytes.get());
        field("tot-cmds", &self.commands.get());
        line
    }

    /// Its flags in Redis's letters and order.
    fn flags(&self) -> String {
        let states = [
            (self.marks.has(Mark::Replica), 'S'),
            (self.marks.has(Mark::Monitors), 'O'),
            (self.marks.has(Mark::Master), 'M'),
            (self.is_subscribed(), 'P'),
            (self.queued.load(Ordering::Relaxed) >= 0, 'x'),
            (self.is_blocked(), 'b'),
            (self.marks.has(Mark::Tracks), 't'),
            (self.marks.has(Mark::BrokenRedirect), 'R'),
            (self.marks.has(Mark::Broadcast), 'B'),
            (self.peer.address.is_unix(), 'U'),
            (self.marks.has(Mark::NoEvict), 'e'),
            (self.marks.has(Mark::NoTouch), 'T'),
        ];
        let flags: String = states.iter().filter(|(is_so, _)| *is_so).map(|(_, flag)| flag).collect();
        if flags.is_empty() { "N".into() } else { flags }
    }
}
