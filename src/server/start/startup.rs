//! From a configuration to a serving process, and to its end.

use super::descriptors::fit_descriptors;
use super::log::Log;
use super::screen::Screen;
use super::signals::ServerStop;
use super::{environment, opening, supervisor, users};
use crate::commands::state::channels::Channels;
use crate::commands::state::clients::Clients;
use crate::commands::state::failover::Failover;
use crate::commands::state::functions::Functions;
use crate::commands::state::host::{Host, Process};
use crate::commands::state::interventions::Interventions;
use crate::commands::state::kept::KeptResults;
use crate::commands::state::latency_events::LatencyEvents;
use crate::commands::state::replica_waits::ReplicaWaits;
use crate::commands::state::running_scripts::RunningScripts;
use crate::commands::state::script_cache::ScriptCache;
use crate::commands::state::shortage::Shortage;
use crate::commands::state::slow_log::SlowLog;
use crate::commands::state::stats::{Errors, Stats};
use crate::commands::state::tracking::Tracking;
use crate::commands::table;
use crate::config::{Config, NoEffect, Settings};
use crate::journal;
use crate::journal::JournalOptions;
use crate::machine::chance::Chance;
use crate::machine::clock::Clock;
use crate::machine::counter::Counter;
use crate::machine::durable::{create_directories, sync_directory};
use crate::machine::print::print_line;
use crate::machine::usage;
use crate::replication::upstream::state::{MasterAddress, Upstream};
use crate::replication::{EndedAs, SavedData};
use crate::server::dump::Dump;
use crate::server::listening::accepting::Listener;
use crate::server::listening::addresses::addresses;
use crate::server::listening::listeners::{self, Listeners, NewListener};
use crate::server::listening::port_kind::PortKind;
use crate::server::listening::{tcp, unix};
use crate::server::metrics::{MetricsThread, Source};
use crate::server::process::RunningProcess;
use crate::server::replication::Replication;
use crate::server::sentinel::watch::SentinelWatch;
use crate::server::threads::shared::Shared;
use crate::server::threads::timers::Timers;
use crate::server::threads::tls::TlsTerms;
use crate::server::threads::turns::Turns;
use crate::server::threads::upkeep;
use crate::server::threads::worker::WorkerThread;
use crate::server::upstream::link::UpstreamLink;
use crate::store::event::EventSink;
use crate::store::{SHARDS, Store};
use std::net::TcpListener;
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Weak};
use tokio::sync::mpsc::UnboundedReceiver;

/// Runs the server until it is told to stop.
pub(in crate::server) fn run(mut config: Config, file: Option<PathBuf>) -> Result<(), String> {
    let log = Log::start(&config)?;
    let stop = ServerStop::on_signals()?;
    let mut warnings = config.warnings();
    warnings.extend(environment::unknown_variables());
    let (maxclients, warning) = fit_descriptors(config.maxclients)?;
    config.maxclients = maxclients;
    warnings.extend(warning);
    warnings.extend(supervisor::check(config.supervised));
    let users = users::defined_by(&config)?;
    if users.is_open() && !config.protected_mode {
        warnings.push(
            "every client that can reach this port is served: no password is set, and protected-mode is no"
                .into(),
        );
    }
    // Read and bound before the journal is touched: a port that is in use is the most likely error.
    let tls = Arc::<TlsTerms>::default();
    tls.read(&config).map_err(|NoEffect { directive, why }| format!("{directive}: {why}"))?;
    let bound = listeners::bind(&config)?;
    let metrics_port = Some(config.metrics.port).filter(|port| *port > 0);
    let metrics_bound = tcp::bind(&addresses(&config.metrics.bind)?, metrics_port)?;
    create_directories(&config.dir, &sync_directory)
        .map_err(|error| format!("dir {}: {error}", config.dir.display()))?;
    let directory =
        config.dir.canonicalize().map_err(|error| format!("dir {}: {error}", config.dir.display()))?;
    // As in Redis, CONFIG tells the whole path, so that backups find the files and a rewritten file can be used from anywhere.
    config.dir.clone_from(&directory);
    let mut unix_socket = unix::bind(&config)?;
    let mut chance = Chance::from_system();
    let seed = chance.next_u64();
    // From another generator: clients see numbers made from this seed, and must not learn the hash seed from them.
    let shared_seed = Chance::from_system().next_u64();
    Chance::seed_shared(shared_seed);
    // Logged, so that a run can be repeated. Both are secret: with the hash seed, keys can be chosen that collide.
    tracing::debug!("hash seed {seed:016x}, seed of random members {shared_seed:016x}");
    let clock = Clock::system();
    let store = Arc::new(Store::new(SHARDS, config.databases, seed, clock.clone()));
    let options = JournalOptions {
        directory: directory.join(journal::DIRECTORY_NAME),
        fsync: config.appendfsync,
        rewrite_percentage: config.auto_aof_rewrite_percentage,
        rewrite_min_bytes: config.auto_aof_rewrite_min_size_bytes,
        clock: clock.clone(),
    };
    let (listeners, begun) = Listeners::listen(bound, Arc::clone(&tls), unix_socket.as_mut(), &config)?;
    let metrics_listeners = metrics_bound.listen(config.tcp_backlog);
    let metrics_listeners = metrics_listeners.map_err(|error| format!("cannot listen: {error}"))?;
    let metrics_listeners: Vec<TcpListener> = metrics_listeners.into_iter().map(TcpListener::from).collect();
    let threads = match config.threads {
        0 => std::thread::available_parallelism().map_or(1, usize::from),
        threads => threads,
    };
    let addresses = listeners.addresses().into_iter().map(|(address, kind)| match kind {
        PortKind::Plain => address.to_string(),
        PortKind::Tls => format!("{address} (TLS)"),
    });
    let unix_name = unix_socket.as_ref().map(|socket| socket.name().to_owned());
    let addresses = addresses.chain(unix_name).collect();
    // As in Redis, INFO and CONFIG REWRITE know the file by its whole path.
    let absolute = file.as_ref().map(|path| path.canonicalize().unwrap_or_else(|_| path.clone()));
    let config_file = absolute.as_ref().map_or_else(String::new, |path| path.display().to_string());
    let dump_path = directory.join(&config.dbfilename);
    let dump = Dump::new(dump_path.clone(), Arc::clone(&store), clock.clone());
    let upstream = Arc::<Upstream>::default();
    let replication = Replication::new(&config, &directory, &store, clock.clone(), Arc::clone(&upstream));
    let replication = Arc::new(replication);
    let screen = Screen {
        appendfsync: config.appendfsync,
        directory,
        dump_path,
        metrics_addresses: metrics_listeners.iter().filter_map(|it| it.local_addr().ok()).collect(),
        addresses,
        threads,
        memory: config.memory,
        file,
        warnings,
    };
    let process = RunningProcess::new(config.appendonly, dump, replication, log, absolute, stop, listeners);
    let process = Arc::new(process);
    let clients = Arc::<Clients>::default();
    clients.configure(&config);
    let channels = Arc::new(Channels::new(Arc::clone(&clients)));
    store.attach_events(Arc::clone(&channels) as Arc<dyn EventSink>);
    store.set_event_classes(config.notify_keyspace_events);
    store.set_set_bounds(config.set_bounds);
    let host = Arc::new(Host {
        store,
        channels,
        failover: Failover::default(),
        replica_waits: ReplicaWaits::default(),
        tracking: Arc::new(Tracking::new(Arc::clone(&clients))),
        clients,
        interventions: Interventions::default(),
        // One for each worker, one for the thread beside it, and one for the commands of a master.
        stats: (0..=2 * threads).map(|_| Arc::new(Stats::new(table().entries().len()))).collect(),
        users,
        errors: Errors::default(),
        slow_log: SlowLog::default(),
        latency_events: LatencyEvents::default(),
        running_scripts: RunningScripts::default(),
        scripts: ScriptCache::default(),
        functions: Functions::default(),
        friend_rankings: KeptResults::with_bound(config.friendrank_keep_bytes),
        shortage: Shortage::default(),
        process: Arc::clone(&process) as Arc<dyn Process>,
        upstream,
        is_loading: AtomicBool::new(true),
        expires_actively: AtomicBool::new(true),
        denies_in_scripts: AtomicBool::new(true),
        expiry_ns: Counter::default(),
        startup_bytes: usage::allocated_bytes(),
        started_ms: clock.now_ms(),
        clock,
        run_id: Host::new_run_id(&mut chance),
        config_file,
        settings: Settings::new(config),
        rates: crate::commands::state::stats::Rates::default(),
    });
    host.bound_memory(&host.config().memory);
    process.replication.tell_waiting_clients(&host);
    let replica = &host.config().replica;
    host.refuse_clients(replica);
    if let Some((name, port)) = replica.master.clone() {
        host.upstream.follow(Some(MasterAddress { host: name, port }), host.clock.now_ms());
    }
    if !host.config().sentinel.addresses.is_empty() {
        host.await_leader();
    }
    let replication = &process.replication;
    process.take_upstream(UpstreamLink::new(&host, replication, &host.stats[2 * threads], &tls));
    let metrics = MetricsThread::start(metrics_listeners, Source::of(&host, &process))?;
    let outcome = serve(&host, &process, begun, options, &screen);
    metrics.into_iter().for_each(MetricsThread::stop);
    outcome
}

/// Accepts connections and deals them to the workers until the server is told to stop. Meanwhile it reads the journal, of which
/// `options` are those, or the dump file.
fn serve(
    host: &Arc<Host>,
    process: &Arc<RunningProcess>,
    mut begun: UnboundedReceiver<NewListener>,
    options: JournalOptions,
    screen: &Screen,
) -> Result<(), String> {
    let (own, aside) = host.stats.split_at(host.stats.len() / 2);
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let runtime = runtime.map_err(|error| format!("runtime: {error}"))?;
    let turns = Arc::new(Turns::new(host.store.shard_count()));
    let timers = Timers::new(runtime.handle().clone());
    let start = |(index, (stats, aside_stats)): (usize, (&Arc<Stats>, &Arc<Stats>))| {
        let shared = Shared {
            host: Arc::clone(host),
            process: Arc::clone(process),
            turns: Arc::clone(&turns),
            timers: timers.clone(),
            stats: Arc::clone(stats),
            aside_stats: Arc::clone(aside_stats),
        };
        WorkerThread::start(index, shared)
    };
    let workers = own.iter().zip(aside).enumerate().map(start).collect::<Result<Vec<_>, _>>()?;
    let workers = Arc::new(workers);
    let was_loaded = runtime.block_on(async {
        let dealt = Arc::downgrade(&workers);
        tokio::spawn(async move {
            while let Some(NewListener { socket, ended }) = begun.recv().await {
                match Listener::new(socket) {
                    Ok(listener) => drop(tokio::spawn(listener.deal(Weak::clone(&dealt), ended))),
                    Err(error) => tracing::error!("cannot listen: {error}"),
                }
            }
        });
        tokio::spawn(reread_tls(Arc::clone(host), Arc::clone(process)));
        let opened = tokio::select! {
            opened = opening::open(options, host, process) => opened?,
            () = process.stop.requested() => return Ok(false),
        };
        if let Err(error) = print_line(screen.text(&opened)) {
            tracing::warn!("cannot print what was started: {error}");
        }
        if let Some(link) = process.upstream() {
            link.begin(process.kept_journal());
        }
        let asks = SentinelWatch::start(host, process)?;
        // Started only now, because a removal of an expired key has to be recorded.
        tokio::spawn(upkeep::run(Arc::clone(host)));
        supervisor::is_ready(host.config().supervised);
        process.stop.requested().await;
        supervisor::stops(host.config().supervised);
        // As in Redis, a script that never ends does not keep the server: what it has changed is not recorded.
        host.running_scripts.abandon_all();
        process.replication.wait_for_replicas(host, process.ends_at_once.load(Ordering::Relaxed)).await;
        asks.into_iter().for_each(SentinelWatch::stop);
        Ok::<bool, String>(true)
    });
    // The runtime ends after them, because it has the timers of their connections.
    let stop_workers = || Arc::into_inner(workers).into_iter().flatten().for_each(WorkerThread::stop);
    if !matches!(was_loaded, Ok(true)) {
        stop_workers();
        was_loaded?;
        tracing::info!("stopped while the data were being read; nothing has been changed");
        return Ok(());
    }
    // In front of the connections: the client of SHUTDOWN sees the end of its own when nobody can connect any more.
    process.listeners.stop();
    if let Some(link) = process.upstream() {
        link.close();
    }
    stop_workers();
    process.replication.streaming.turn_off_if(|| true);
    process.dump.close();
    // As in Redis, a server with save points saves what has changed since the last save.
    let saves = *process.saves_at_end.get_or_init(|| !host.config().save.is_empty());
    if saves && host.store.is_abandoned() {
        tracing::warn!("the dump file stays as it is: a script was ended in the middle of its changes");
    }
    let saves = saves && !host.store.is_abandoned();
    let saved = if saves && process.dump.is_stale() { process.dump.save() } else { Ok(()) };
    if let Some(journal) = process.journal() {
        journal.close().map_err(|refused| format!("the journal is not complete: {refused}"))?;
    }
    saved?;
    let data = match process.journal() {
        Some(journal) => Some(SavedData::Journal(journal.last_seq())),
        None if saves => process.replication.dumped(),
        None => None,
    };
    if let Some(data) = data {
        let ended_as = match host.store.position() {
            Some(position) => EndedAs::Replica { selected: position.reached.database },
            None => EndedAs::Master,
        };
        process.replication.leave(ended_as, data)?;
    }
    if process.journal().is_some() || saves {
        tracing::info!("stopped, everything is on disk");
    } else {
        tracing::info!("stopped; what has changed since the last save is not kept (appendonly no)");
    }
    Ok(())
}

/// Reads the files of TLS again at each SIGHUP.
async fn reread_tls(host: Arc<Host>, process: Arc<RunningProcess>) {
    loop {
        process.stop.hung_up().await;
        host.settings.apply(|config| match process.read_tls(config) {
            Ok(()) if config.tls.is_on() => tracing::info!("SIGHUP: the certificates have been read again"),
            Ok(()) => tracing::info!("SIGHUP: there is nothing to read again"),
            Err(NoEffect { directive, why }) => {
                tracing::warn!("SIGHUP: the certificates stay as they were: {directive}: {why}");
            }
        });
    }
}
