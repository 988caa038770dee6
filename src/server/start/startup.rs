//! From a configuration to a serving process, and to its end.

use super::listener;
use super::log::Log;
use super::opening;
use super::opening::Opened;
use super::signals::Stop;
use crate::commands::state::channels::Channels;
use crate::commands::state::clients::Clients;
use crate::commands::state::host::{Host, Process};
use crate::commands::state::kept::KeptResults;
use crate::commands::state::stats::{Errors, Stats};
use crate::commands::table;
use crate::config::{Config, FsyncPolicy, Settings};
use crate::journal::Options;
use crate::machine::chance::Chance;
use crate::machine::clock::Clock;
use crate::machine::durable::{create_directories, sync_directory};
use crate::machine::usage;
use crate::server::dump::Dump;
use crate::server::process::RunningProcess;
use crate::server::threads::turns::Turns;
use crate::server::threads::upkeep;
use crate::server::threads::worker::{Shared, WorkerThread};
use crate::store::Store;
use crate::store::event::EventSink;
use rustix::process::{Resource, getrlimit, setrlimit};
use std::fmt::Write as _;
use std::net::{SocketAddr, TcpListener};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

/// The journal's directory within `dir`.
pub(in crate::server) const JOURNAL_DIRECTORY: &str = "journal";

/// Shards of the store: enough that two threads seldom want the same one, few enough to visit all for a DBSIZE.
pub(in crate::server) const SHARDS: usize = 64;

/// File descriptors kept for other things than clients. As Redis.
const RESERVED_DESCRIPTORS: u64 = 32;

/// Runs the server until it is told to stop.
pub(in crate::server) fn run(mut config: Config, file: Option<PathBuf>) -> Result<(), String> {
    let log = Log::start(&config)?;
    let stop = Stop::on_signals()?;
    let mut warnings = config.warnings();
    warnings.extend(super::command_line::unknown_variables());
    let (maxclients, warning) = fit_descriptors(config.maxclients)?;
    config.maxclients = maxclients;
    warnings.extend(warning);
    if config.requirepass.is_empty() && !config.protected_mode {
        warnings
            .push("anyone who can reach this port is served: no password, and protected-mode is no".into());
    }
    // Before the journal is touched: a port that is taken is the likeliest thing to be wrong.
    let bound = listener::bind(&config)?;
    create_directories(&config.dir, &sync_directory)
        .map_err(|error| format!("dir {}: {error}", config.dir.display()))?;
    let directory =
        config.dir.canonicalize().map_err(|error| format!("dir {}: {error}", config.dir.display()))?;
    let mut chance = Chance::from_system();
    let seed = chance.next_u64();
    // Not of the same generator: what clients see of these numbers must not lead back to the hash seed.
    let shared_seed = Chance::from_system().next_u64();
    Chance::seed_shared(shared_seed);
    // Enough to replay a run, and a secret: names chosen against it could make the hashes slow.
    tracing::debug!("hash seed {seed:016x}, seed of random members {shared_seed:016x}");
    let clock = Clock::system();
    let store = Arc::new(Store::new(SHARDS, config.databases, seed, clock.clone()));
    let options = config.appendonly.then(|| Options {
        directory: directory.join(JOURNAL_DIRECTORY),
        fsync: config.appendfsync,
        rewrite_percentage: config.auto_aof_rewrite_percentage,
        rewrite_min_bytes: config.auto_aof_rewrite_min_size_bytes,
        clock: clock.clone(),
    });
    let listeners = bound.listen(config.tcp_backlog)?;
    let threads = match config.threads {
        0 => std::thread::available_parallelism().map_or(1, usize::from),
        threads => threads,
    };
    let addresses = listeners.iter().map(TcpListener::local_addr).collect::<std::io::Result<Vec<_>>>();
    let addresses = addresses.map_err(|error| error.to_string())?;
    let port = addresses[0].port();
    let config_file = file.as_ref().map_or_else(String::new, |path| path.display().to_string());
    let dump_path = directory.join(&config.dbfilename);
    let dump = Dump::new(dump_path.clone(), Arc::clone(&store), clock.clone());
    let screen =
        Screen { appendfsync: config.appendfsync, directory, dump_path, addresses, threads, file, warnings };
    let process = Arc::new(RunningProcess::new(config.appendonly, dump, log, stop));
    let channels = Arc::new(Channels::default());
    store.attach_events(Arc::clone(&channels) as Arc<dyn EventSink>);
    store.set_event_classes(config.notify_keyspace_events);
    let host = Arc::new(Host {
        store,
        channels,
        clients: Clients::default(),
        // Each worker's, and those of the thread beside it.
        stats: (0..2 * threads).map(|_| Arc::new(Stats::new(table().entries().len()))).collect(),
        errors: Errors::default(),
        friend_rankings: KeptResults::with_bound(config.friendrank_keep_bytes),
        process: Arc::clone(&process) as Arc<dyn Process>,
        is_loading: AtomicBool::new(true),
        expires_actively: AtomicBool::new(true),
        startup_bytes: usage::allocated_bytes(),
        started_ms: clock.now_ms(),
        clock,
        run_id: Host::new_run_id(&mut chance),
        port,
        config_file,
        settings: Settings::new(config),
        rates: crate::commands::state::stats::Rates::default(),
    });
    serve(&host, &process, listeners, options, &screen)
}

/// Makes room for the descriptors of `maxclients`. Returns how many clients there is room for, and a warning if that is
/// fewer.
pub(in crate::server) fn fit_descriptors(maxclients: usize) -> Result<(usize, Option<String>), String> {
    let wanted = maxclients as u64 + RESERVED_DESCRIPTORS;
    let mut limit = getrlimit(Resource::Nofile);
    let current = |limit: &rustix::process::Rlimit| limit.current.unwrap_or(u64::MAX);
    if current(&limit) < wanted {
        limit.current = Some(limit.maximum.unwrap_or(wanted).min(wanted));
        // What cannot be raised is lived with below.
        let _ = setrlimit(Resource::Nofile, limit);
    }
    let room = current(&getrlimit(Resource::Nofile));
    if room >= wanted {
        return Ok((maxclients, None));
    }
    let clients = room.checked_sub(RESERVED_DESCRIPTORS).filter(|clients| *clients > 0);
    let clients =
        clients.ok_or_else(|| format!("the limit of {room} open files leaves no room for clients"))?;
    let warning = format!("there is room for {clients} clients only: the limit of open files is {room}");
    Ok((clients as usize, Some(warning)))
}

/// Accepts connections and deals them to the workers until the server is told to stop. Beside that it first reads the
/// journal, if there is to be one (`options`), else the dump file.
fn serve(
    host: &Arc<Host>,
    process: &Arc<RunningProcess>,
    listeners: Vec<TcpListener>,
    options: Option<Options>,
    screen: &Screen,
) -> Result<(), String> {
    let (own, aside) = host.stats.split_at(host.stats.len() / 2);
    let turns = Arc::new(Turns::new(host.store.shard_count()));
    let start = |(index, (stats, aside_stats)): (usize, (&Arc<Stats>, &Arc<Stats>))| {
        let shared = Shared {
            host: Arc::clone(host),
            process: Arc::clone(process),
            turns: Arc::clone(&turns),
            stats: Arc::clone(stats),
            aside_stats: Arc::clone(aside_stats),
        };
        WorkerThread::start(index, shared)
    };
    let workers = own.iter().zip(aside).enumerate().map(start).collect::<Result<Vec<_>, _>>()?;
    let workers = Arc::new(workers);
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let runtime = runtime.map_err(|error| format!("runtime: {error}"))?;
    let was_loaded = runtime.block_on(async {
        for listener in listeners {
            let listener = tokio::net::TcpListener::from_std(listener).map_err(|error| error.to_string())?;
            tokio::spawn(accept(listener, Arc::clone(&workers)));
        }
        let opened = tokio::select! {
            opened = opening::open(options, host, process) => opened?,
            () = process.stop.requested() => return Ok(false),
        };
        print!("{}", screen.text(&opened));
        // Only now: what expires is recorded.
        tokio::spawn(upkeep::run(Arc::clone(host)));
        process.stop.requested().await;
        Ok::<bool, String>(true)
    })?;
    if !was_loaded {
        tracing::info!("stopped while the data were being read; nothing has been changed");
        return Ok(());
    }
    // The accepting tasks end with their runtime and let go of the workers.
    drop(runtime);
    Arc::into_inner(workers).into_iter().flatten().for_each(WorkerThread::stop);
    process.dump.close();
    // As in Redis, a server with save points writes what the last one has missed.
    let saves = *process.saves_at_end.get_or_init(|| !host.config().save.is_empty());
    let saved = if saves && process.dump.is_stale() { process.dump.save() } else { Ok(()) };
    if let Some(journal) = process.journal() {
        journal.close().map_err(|refused| format!("the journal is not complete: {refused}"))?;
    }
    saved?;
    if process.journal().is_some() || saves {
        tracing::info!("stopped, everything is on disk");
    } else {
        tracing::info!("stopped; what has changed since the last save is not kept (appendonly no)");
    }
    Ok(())
}

async fn accept(listener: tokio::net::TcpListener, workers: Arc<Vec<WorkerThread>>) {
    let mut turn = 0;
    loop {
        let accepted = listener.accept().await.and_then(|(stream, peer)| Ok((stream.into_std()?, peer)));
        match accepted {
            Ok((stream, peer)) => {
                workers[turn % workers.len()].take(stream, peer);
                turn += 1;
            }
            Err(error) => {
                // Out of descriptors, most likely: give others the time to close theirs.
                tracing::warn!("cannot accept a connection: {error}");
                tokio::time::sleep(std::time::Duration::from_millis(100)).await;
            }
        }
    }
}

/// What a start tells, on one screen.
struct Screen {
    appendfsync: FsyncPolicy,
    directory: PathBuf,
    dump_path: PathBuf,
    addresses: Vec<SocketAddr>,
    threads: usize,
    /// The configuration file that was read.
    file: Option<PathBuf>,
    warnings: Vec<String>,
}

impl Screen {
    /// How what lies at `path` gets into the journal.
    fn advice(&self, path: &Path) -> String {
        let (path, directory) = (path.display(), self.directory.display());
        format!(
            "to have it, stop this server before it is written to and run `rankd import {path} --dir {directory}`"
        )
    }

    /// The text; `opened` is what the start has read.
    fn text(&self, opened: &Opened) -> String {
        let mut text = format!("rankd {}, pid {}\n", env!("CARGO_PKG_VERSION"), std::process::id());
        let mut row = |name: &str, value: String| {
            let _ = writeln!(text, "  {name:<12}{value}");
        };
        for address in &self.addresses {
            row("address", format!("listening on {address}"));
        }
        if let Some(file) = &self.file {
            row("configured", format!("by {}", file.display()));
        }
        row("directory", self.directory.display().to_string());
        let policy = match self.appendfsync {
            FsyncPolicy::Always => "synced before each reply",
            FsyncPolicy::EverySecond => "synced once a second",
            FsyncPolicy::Never => "synced when the operating system likes",
        };
        let dump = self.dump_path.display();
        let persistence = match opened {
            Opened::Dump(None) => "none (appendonly no)".to_owned(),
            Opened::Dump(Some(loaded)) => {
                format!("none (appendonly no); {} keys read from {dump}", loaded.keys)
            }
            Opened::Journal(recovered) if recovered.records == 0 => format!("journal, {policy}; empty"),
            Opened::Journal(recovered) => {
                let mib = recovered.bytes as f64 / f64::from(1 << 20);
                let seconds = recovered.duration_ms as f64 / 1000.0;
                format!("journal, {policy}; {mib:.1} MiB read back in {seconds:.2} s")
            }
        };
        row("persistence", persistence);
        row("threads", self.threads.to_string());
        self.warnings.iter().for_each(|warning| row("warning", warning.clone()));
        if let Opened::Dump(Some(loaded)) = opened {
            for line in loaded.left_out() {
                row("warning", format!("left out of what {dump} holds, and of the next dump file: {line}"));
            }
            if let Some(miscount) = loaded.miscount {
                row("warning", format!("{dump}: {miscount}"));
            }
        }
        if let Opened::Journal(recovered) = opened {
            if let Some(tear) = &recovered.torn_tail {
                let file = tear.path.display();
                row("warning", format!("cut off the journal's torn tail: {} bytes of {file}", tear.bytes));
            }
            if recovered.records == 0 && self.dump_path.exists() {
                row(
                    "warning",
                    format!(
                        "{dump} is not read, for there is a journal (appendonly yes); {}",
                        self.advice(&self.dump_path)
                    ),
                );
            }
        }
        if matches!(opened, Opened::Dump(_)) || matches!(opened, Opened::Journal(it) if it.records == 0) {
            for name in ["appendonlydir", "appendonly.aof"] {
                let path = self.directory.join(name);
                if path.exists() {
                    row(
                        "warning",
                        format!(
                            "{} is Redis's append-only file, which is not read; {}",
                            path.display(),
                            self.advice(&path)
                        ),
                    );
                }
            }
        }
        text.push_str("ready to accept connections\n");
        text
    }
}
