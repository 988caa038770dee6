//! The commands of an append-only file, run on a store that no server serves.

use super::report::Report;
use crate::chance::Chance;
use crate::commands::clients::Clients;
use crate::commands::execute::run_batch;
use crate::commands::host::{AtEnd, Host, Loading, Persistence, Process, Saves};
use crate::commands::session::{Next, Session};
use crate::commands::spec::Flag;
use crate::commands::stats::{Errors, Rates, Stats};
use crate::commands::table::table;
use crate::config::{Config, SavePoint, Settings};
use crate::resp::request::Arguments;
use crate::store::{KeptResults, Store};
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

/// Runs commands one by one.
pub(super) struct Commands {
    host: Host,
    session: Session,
    reply: Vec<u8>,
}

impl Commands {
    pub(super) fn on(store: &Arc<Store>, config: &Config) -> Self {
        let clock = store.clock().clone();
        let stats = Arc::new(Stats::new(table().entries().len()));
        let host = Host {
            store: Arc::clone(store),
            channels: Arc::default(),
            settings: Settings::new(Config { requirepass: String::new(), ..config.clone() }),
            clients: Clients::default(),
            stats: vec![Arc::clone(&stats)],
            errors: Errors::default(),
            rates: Rates::default(),
            friend_rankings: KeptResults::with_bound(0),
            process: Arc::new(NoServer),
            is_loading: AtomicBool::new(false),
            started_ms: clock.now_ms(),
            clock,
            run_id: Host::new_run_id(&mut Chance::from_system()),
            port: 0,
            config_file: String::new(),
        };
        let nobody = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
        let client = host.clients.register(nobody, nobody, host.started_ms);
        let session = Session::new(client, stats, &host.config());
        Self { host, session, reply: Vec::new() }
    }

    /// Runs one command, if it changes something.
    ///
    /// # Errors
    /// A command that rankd has not, and that may be about keys of types it has: left out, they would differ.
    pub(super) fn run(&mut self, arguments: Arguments<'_>, report: &mut Report) -> Result<(), String> {
        let name = arguments.get(0).unwrap_or_default();
        let Some(place) = table().find(name) else {
            let name = String::from_utf8_lossy(name).to_ascii_lowercase();
            let Some(foreign) = foreign_type(&name) else {
                return Err(format!(
                    "rankd has no command '{}', without which keys would differ; have the server rewrite the file \
                     first (BGREWRITEAOF), or import from the server itself (redis://)",
                    name.escape_debug()
                ));
            };
            *report.foreign_commands.entry(foreign).or_default() += 1;
            return Ok(());
        };
        if !table().entries()[place].spec.has(Flag::Write) && !name.eq_ignore_ascii_case(b"select") {
            return Ok(());
        }
        self.reply.clear();
        run_batch(&self.host, &mut self.session, std::iter::once(arguments), &mut self.reply);
        if self.session.next != Next::Continue {
            return Err("a command that has no place in an append-only file".into());
        }
        report.commands += 1;
        match self.reply.strip_prefix(b"-") {
            None => Ok(()),
            // It has done something in Redis, or it would not be there.
            Some(error) => Err(format!(
                "{}, which Redis has run, is refused: {}",
                String::from_utf8_lossy(name).to_ascii_uppercase().escape_debug(),
                String::from_utf8_lossy(error.trim_ascii_end())
            )),
        }
    }
}

/// The type that a command of Redis is about, if it is one that rankd has not.
fn foreign_type(name: &str) -> Option<&'static str> {
    Some(match name {
        "lpush" | "lpushx" | "rpush" | "rpushx" | "lpop" | "rpop" | "linsert" | "lset" | "lrem" | "ltrim"
        | "lmove" | "blmove" | "lmovem" | "blmovem" | "rpoplpush" | "brpoplpush" | "lmpop" | "blmpop"
        | "blpop" | "brpop" => "list",
        "hset" | "hsetnx" | "hmset" | "hdel" | "hincrby" | "hincrbyfloat" | "hexpire" | "hpexpire"
        | "hexpireat" | "hpexpireat" | "hpersist" | "hgetdel" | "hgetex" | "hsetex" | "himport" => "hash",
        "xadd" | "xdel" | "xdelex" | "xtrim" | "xsetid" | "xgroup" | "xack" | "xackdel" | "xclaim"
        | "xautoclaim" | "xreadgroup" | "xcfgset" | "xidmprecord" | "xnack" => "stream",
        "ardel" | "ardelrange" | "arinsert" | "armset" | "arring" | "arseek" | "arset" => "array",
        "vadd" | "vrem" | "vsetattr" => "vector set",
        "function" | "script" => "function",
        "publish" | "spublish" => "message",
        _ if name.contains('.') => "module",
        _ => return None,
    })
}

/// There is no process to ask: no journal and no dump file until everything has been read.
struct NoServer;

impl Process for NoServer {
    fn write_refusal(&self) -> Option<String> {
        None
    }

    fn loading(&self) -> Loading {
        Loading::default()
    }

    fn start_checkpoint(&self) -> Result<(), String> {
        Err("no server is running".into())
    }

    fn persistence(&self) -> Persistence {
        Persistence::default()
    }

    fn save(&self) -> Result<(), String> {
        self.start_checkpoint()
    }

    fn start_save(&self) -> Result<(), String> {
        self.start_checkpoint()
    }

    fn save_if_due(&self, _: &[SavePoint]) {}

    fn reload(&self) -> Result<(), String> {
        self.start_checkpoint()
    }

    fn saves(&self) -> Saves {
        Saves::default()
    }

    fn configure(&self, _: &Config) {}

    fn shut_down(&self, _: AtEnd) -> Result<(), String> {
        self.start_checkpoint()
    }
}
