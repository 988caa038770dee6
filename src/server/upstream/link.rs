//! The thread of the link: it makes one link after the other while there is a master.

use super::context::LinkContext;
use super::error::LinkError;
use super::socket::MasterSocket;
use super::stream::StreamFollower;
use crate::commands::state::failover::FailoverPhase;
use crate::commands::state::host::Host;
use crate::commands::state::stats::Stats;
use crate::journal::Journal;
use crate::replication::upstream::handshake::{Handshake, HandshakeStep, ReplicaGreeting, SyncAnswer};
use crate::replication::upstream::lines::LineReader;
use crate::replication::upstream::state::{LinkPhase, MasterAddress};
use crate::replication::{History, ReplicationId, StreamSource};
use crate::server::replication::Replication;
use crate::server::threads::tls::TlsTerms;
use crate::store::change::position::{FollowedPosition, StreamPlace};
use crate::store::{Hold, Shards};
use parking_lot::Mutex;
use std::net::{Shutdown, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, OnceLock};
use std::thread::{self, JoinHandle};
use std::time::Duration;

/// Time between the end of a link and the next one, if the link has not lasted: at the end of one that has, the master may have
/// cut it to tell of a new identifier.
const PAUSE: Duration = Duration::from_secs(1);

/// How long the thread sleeps while there is no master; a new one wakes it.
const SLEEP: Duration = Duration::from_secs(3600);

/// The link to the master.
pub(in crate::server) struct UpstreamLink {
    context: LinkContext,
    is_closing: AtomicBool,
    /// The present connection, to be cut from another thread, and the turn that it is for.
    connection: Mutex<Option<(u64, TcpStream)>>,
    thread: Mutex<Option<JoinHandle<()>>>,
}

impl UpstreamLink {
    /// A link that is not made yet. `stats` are the counters of its commands, `tls` the terms of its TLS.
    pub(in crate::server) fn new(
        host: &Arc<Host>,
        replication: &Replication,
        stats: &Arc<Stats>,
        tls: &Arc<TlsTerms>,
    ) -> Arc<Self> {
        Arc::new(Self {
            context: LinkContext {
                host: Arc::clone(host),
                outflow: Arc::clone(&replication.outflow),
                streaming: Arc::clone(&replication.streaming),
                syncs: Arc::clone(&replication.syncs),
                stats: Arc::clone(stats),
                tls: Arc::clone(tls),
                kept_journal: OnceLock::new(),
            },
            is_closing: AtomicBool::new(false),
            connection: Mutex::new(None),
            thread: Mutex::new(None),
        })
    }

    /// Begins to follow the master that the configuration names, if it names one, from where the data that the start has read
    /// are in its stream.
    pub(in crate::server) fn begin(self: &Arc<Self>, journal: Option<&Arc<Journal>>) {
        if let Some(journal) = journal {
            // There is only one start.
            let _ = self.context.kept_journal.set(Arc::clone(journal));
        }
        let position = self.context.host.store.position();
        let upstream = &self.context.host.upstream;
        if !upstream.is_set() && !upstream.awaits_leader() {
            // What was followed once is history: from here on the data are this server's own.
            if self.context.outflow.source() == StreamSource::Upstream {
                self.promote(None);
            }
            self.context.host.store.follow(None);
        } else if let Some(FollowedPosition { history, reached }) = position
            && let Some(history) = ReplicationId::parse(&history)
        {
            let outflow = &self.context.outflow;
            let earlier = outflow.history().earlier.filter(|_| outflow.history().id == history);
            outflow.resume(History { id: history, earlier, offset: reached.offset }, StreamSource::Upstream);
            self.context.host.upstream.know(reached.offset);
        }
        self.turn();
    }

    /// The server is a master now: the stream from here on is its own, and is spelled, if there has been one. Called before clients
    /// may write, under the locks of `held`.
    pub(in crate::server) fn promote(&self, held: Option<&Hold<'_>>) {
        let outflow = &self.context.outflow;
        // Without a backlog nobody counts on the stream.
        if (outflow.source() == StreamSource::Upstream || outflow.is_active())
            && let Err(error) = self.context.streaming.promote(self.context.applied(), held)
        {
            tracing::error!("replicas of this server have to begin anew: {error}");
            outflow.break_off();
        }
    }

    /// The master has changed: the present link ends, and the thread makes another one.
    pub(in crate::server) fn turn(self: &Arc<Self>) {
        let mut thread = self.thread.lock();
        if thread.is_none() && self.context.host.upstream.is_set() {
            let link = Arc::clone(self);
            match thread::Builder::new().name("upstream".into()).spawn(move || link.run()) {
                Ok(started) => *thread = Some(started),
                Err(error) => {
                    tracing::error!("no master can be followed: the thread does not start: {error}");
                }
            }
        }
        drop(thread);
        // The thread may have gone on to the new master already.
        let turn = self.context.host.upstream.turn();
        self.cut(|of| of != turn);
    }

    /// Ends the link for good, and waits for the thread.
    pub(in crate::server) fn close(&self) {
        self.is_closing.store(true, Ordering::SeqCst);
        let thread = self.thread.lock().take();
        self.context.host.upstream.wake();
        self.cut(|_| true);
        if let Some(thread) = thread {
            // A panic has been logged.
            let _ = thread.join();
        }
    }

    /// Cuts the present connection if it is for a turn that `is_over`.
    fn cut(&self, is_over: impl FnOnce(u64) -> bool) {
        if let Some((turn, connection)) = &*self.connection.lock()
            && is_over(*turn)
        {
            // It may be closed already.
            let _ = connection.shutdown(Shutdown::Both);
        }
    }

    fn run(&self) {
        let mut said = None;
        loop {
            let turn = self.context.host.upstream.turn();
            if self.is_closing.load(Ordering::SeqCst) {
                return;
            }
            let Some(master) = self.context.host.upstream.status().master else {
                self.context.host.upstream.wait_for_turn(turn, SLEEP);
                continue;
            };
            let error =
                match std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| self.follow(&master, turn))) {
                    Ok(error) => error,
                    Err(_) => LinkError::Failed("the link panicked; please report this".into()),
                };
            *self.connection.lock() = None;
            let now_ms = self.context.host.clock.now_ms();
            let mut pause = PAUSE;
            self.context.host.upstream.note(turn, |status| {
                let has_lasted_ms = now_ms.saturating_sub(status.up_since_ms);
                if status.phase == LinkPhase::Following && Duration::from_millis(has_lasted_ms) > PAUSE {
                    pause = Duration::ZERO;
                }
                status.phase = LinkPhase::Waiting;
                if status.down_since_ms == 0 {
                    status.down_since_ms = now_ms;
                    status.attempts = 0;
                }
            });
            // A master that is away is away for long; the log says so once.
            let text = format!("no link to the master at {master}: {error}");
            if error != LinkError::Superseded && said.as_ref() != Some(&text) {
                tracing::warn!("{text}");
                said = Some(text);
            }
            self.context.host.upstream.wait_for_turn(turn, pause);
        }
    }

    /// Makes a link and follows the master until the link ends.
    fn follow(&self, master: &MasterAddress, turn: u64) -> LinkError {
        match self.try_follow(master, turn) {
            Ok(never) => match never {},
            Err(error) => error,
        }
    }

    fn try_follow(&self, master: &MasterAddress, turn: u64) -> Result<std::convert::Infallible, LinkError> {
        let config = self.context.host.config();
        // A former master's own records are spelled to their end. No client adds to them.
        self.context.streaming.turn_off_if(|| self.context.host.upstream.turn() == turn);
        self.context.host.upstream.note(turn, |status| {
            status.phase = LinkPhase::Connecting;
            status.attempts += 1;
            status.all_attempts += 1;
        });
        let patience = Duration::from_secs(config.replication.timeout_s);
        let source = &config.replica.source_address;
        let mut socket = MasterSocket::connect(source, master, &self.context.host.upstream, turn, patience)?;
        *self.connection.lock() = Some((turn, socket.stream().try_clone()?));
        if self.is_closing.load(Ordering::SeqCst) {
            // It may have looked for a connection to cut before there was this one.
            return Err(LinkError::Superseded);
        }
        if let Some(terms) = self.context.tls.of_replica() {
            socket.secure(&terms, &master.host)?;
        }
        self.context.host.upstream.note(turn, |status| status.phase = LinkPhase::Greeting);
        let known = self.known();
        let (answer, lines) = self.greet(&mut socket, known)?;
        let (offset, database, rest) = match answer {
            SyncAnswer::Full { id, offset } => {
                tracing::info!("full sync with the master at {master} begun");
                let (database, rest) = self.context.sync_fully(&mut socket, turn, id, offset, lines)?;
                (offset, database, rest)
            }
            SyncAnswer::Continued { id } => {
                let (before, offset) = known.ok_or(LinkError::Superseded)?;
                let database = self.continue_with(turn, id.unwrap_or(before), offset)?;
                tracing::info!(offset, "the stream of the master at {master} goes on");
                (offset, database, lines.into_rest())
            }
        };
        let follower = StreamFollower::new(&self.context, &mut socket, turn, (offset, database), &rest)?;
        if !self.context.note_following(turn) {
            return Err(LinkError::Superseded);
        }
        Err(follower.follow())
    }

    /// Introduces this server and asks for what it lacks. A hand-over ends with that: the replica has become the master, or it has
    /// not, and then this server is the master again.
    fn greet(
        &self,
        socket: &mut MasterSocket<'_>,
        known: Option<(ReplicationId, u64)>,
    ) -> Result<(SyncAnswer, LineReader), LinkError> {
        let host = &self.context.host;
        let config = host.config();
        let replica = &config.replica;
        let chosen = |text: &String| Some(text.clone()).filter(|text| !text.is_empty());
        let takes_over = host.failover.phase() == FailoverPhase::InProgress;
        let greeting = ReplicaGreeting {
            user: chosen(&replica.user),
            password: chosen(&replica.password),
            port: match replica.announced_port {
                0 => self.announced_port(socket.is_secured()),
                announced => announced,
            },
            address: chosen(&replica.announced_address),
            known,
            takes_over,
        };
        let (mut handshake, first) = Handshake::begin(greeting);
        let answer = ask(socket, &mut handshake, &first);
        if takes_over && answer.is_ok() {
            host.complete_failover();
        } else if takes_over && handshake.has_asked() {
            host.abort_failover("the replica has not taken over", &mut Shards::free(&host.store));
        }
        answer
    }

    /// The port at which this server is told to be: as in Redis that for TLS, if the link is TLS and there is one.
    fn announced_port(&self, is_tls: bool) -> u16 {
        let ports = self.context.host.process.ports();
        if is_tls && ports.tls > 0 { ports.tls } else { ports.plain }
    }

    /// The history that the data belong to, and how much of it they include. `None` if they are not those of a stream: then all
    /// data are asked for. A former master asks with its own history: if the new one was its replica and has nothing else, it goes on.
    fn known(&self) -> Option<(ReplicationId, u64)> {
        let outflow = &self.context.outflow;
        let history = outflow.history();
        match outflow.source() {
            StreamSource::Upstream => {
                let position = self.context.host.store.position()?;
                // Otherwise they are not of one moment yet.
                let is_whole = position.history[..] == *history.id.as_str().as_bytes();
                is_whole.then_some((history.id, history.offset))
            }
            StreamSource::Own => outflow.own_place(),
        }
    }

    /// The stream goes on at `offset` under the identifier `id`. Returns the database that is selected there.
    fn continue_with(&self, turn: u64, id: ReplicationId, offset: u64) -> Result<u32, LinkError> {
        let before = self.context.host.store.position();
        // A master whose stream goes on behind one's own begins with the choice of a database.
        let database = before.map_or(0, |position| position.reached.database);
        let history = id.as_str().as_bytes().try_into().expect("an identifier has as many digits");
        let position = FollowedPosition { history, reached: StreamPlace { offset, database } };
        let is_present = self.context.host.upstream.note(turn, |status| {
            self.context.host.store.follow(Some(position));
            (status.read_offset, status.applied_offset) = (offset, offset);
        });
        if is_present {
            self.context.outflow.continue_as(id);
        }
        if is_present { Ok(database) } else { Err(LinkError::Superseded) }
    }
}

/// Leads the handshake to its end. Also returns what has come behind it.
fn ask(
    socket: &mut MasterSocket<'_>,
    handshake: &mut Handshake,
    first: &[u8],
) -> Result<(SyncAnswer, LineReader), LinkError> {
    socket.send(first)?;
    let mut lines = LineReader::default();
    loop {
        while let Some(line) = lines.line().map_err(|_| LinkError::Failed("a line without an end".into()))? {
            let step = handshake.take(line).map_err(|error| LinkError::Failed(error.to_string()))?;
            match step {
                HandshakeStep::Send(bytes) => socket.send(&bytes)?,
                HandshakeStep::Wait => {}
                HandshakeStep::Done(answer) => return Ok((answer, lines)),
            }
        }
        socket.read_lines(&mut lines)?;
    }
}
