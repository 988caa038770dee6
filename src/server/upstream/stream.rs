//! The master's stream: its requests run one after the other, as they come, and each is acknowledged by its place.

use super::context::LinkContext;
use super::error::LinkError;
use super::socket::{MasterSocket, TICK};

use crate::commands::engine::{Leeway, Ran, Terms, run_batch};
use crate::commands::state::peer::{Peer, PeerAddress};
use crate::commands::state::session::{NextStep, Session};
use crate::config::Followed;
use crate::limits;
use crate::net::client::request;
use crate::replication::for_rankd;
use crate::replication::upstream::state::LinkPhase;
use crate::resp::request::{Arguments, RequestBatch, RequestLimits, RequestReader};
use crate::store::Seq;
use crate::store::change::position::{FollowedPosition, StreamPlace};
use bytes::{Buf, BytesMut};
use std::collections::VecDeque;
use std::os::fd::AsRawFd;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// How often the master is told how far this server is.
const ACKNOWLEDGED_EACH: Duration = Duration::from_secs(1);

/// The stream while it is followed.
pub(super) struct StreamFollower<'l, 's, 'u> {
    link: &'l LinkContext,
    socket: &'s mut MasterSocket<'u>,
    turn: u64,
    session: Session,
    config: Followed,
    reader: RequestReader,
    batch: RequestBatch,
    /// Bytes that have come and have not been run.
    input: BytesMut,
    /// Whether there are empty lines among the bytes that have been run and are staged.
    has_empty_lines: bool,
    /// The bytes of the stream that have been run.
    run: u64,
    /// The bytes of the stream up to the last place that was not within a transaction.
    applied: u64,
    /// The last place at which nothing was under way.
    rested: StreamPlace,
    replies: Vec<u8>,
    /// The offset from which on the data are of one moment, until the stream has come there.
    whole_at: Option<u64>,
    /// How many of the next commands are for servers that know no policies.
    left_out: usize,
    acknowledged: Instant,
    /// Records, and the places of the stream that they reach.
    unsynced: VecDeque<(Seq, u64)>,
    synced: u64,
}

impl<'l, 's, 'u> StreamFollower<'l, 's, 'u> {
    /// Follows the stream from `offset` on, where `database` is selected. `rest` are the first bytes of it.
    pub(super) fn new(
        link: &'l LinkContext,
        socket: &'s mut MasterSocket<'u>,
        turn: u64,
        (offset, database): (u64, u32),
        rest: &[u8],
    ) -> Result<Self, LinkError> {
        let stream = socket.stream();
        let (address, local_address) =
            (PeerAddress::Tcp(stream.peer_addr()?), PeerAddress::Tcp(stream.local_addr()?));
        let peer = Peer { address, local_address, descriptor: stream.as_raw_fd() };
        let mut session = Session::of_master(&link.host, peer, turn);
        session.select(database);
        let whole_at = Some(link.outflow.whole_at()).filter(|whole_at| *whole_at > offset);
        session.excuse_until(whole_at.unwrap_or(0));
        link.syncs.standstill().rest(database);
        Ok(Self {
            link,
            socket,
            turn,
            session,
            config: Followed::new(&link.host.settings),
            reader: RequestReader::default(),
            batch: RequestBatch::default(),
            input: BytesMut::from(rest),
            has_empty_lines: false,
            run: offset,
            applied: offset,
            rested: StreamPlace { offset, database },
            replies: Vec::new(),
            whole_at,
            left_out: 0,
            acknowledged: Instant::now(),
            unsynced: VecDeque::new(),
            synced: offset,
        })
    }

    /// Follows the stream until it ends.
    pub(super) fn follow(mut self) -> LinkError {
        let outcome = self.run();
        self.link.outflow.end_upstream(self.link.applied());
        // The records of its commands say how far they reach. What follows the last of them has changed nothing, but may have
        // selected another database.
        let selected = self.link.host.store.advance(self.rested);
        self.link.syncs.standstill().rest(selected.map_or(self.rested.database, |place| place.database));
        self.session.end(&self.link.host);
        self.link.host.clients.remove(&self.session.client);
        match outcome {
            Ok(never) => match never {},
            Err(error) => error,
        }
    }

    fn run(&mut self) -> Result<std::convert::Infallible, LinkError> {
        // A master that has sent a file with a mark waits for this.
        self.acknowledge()?;
        let mut piece = vec![0; limits::READ_CHUNK_BYTES];
        let standstill = Arc::clone(self.link.syncs.standstill());
        loop {
            let may_run = standstill.begin_to_run(TICK);
            if may_run {
                let outcome = self.run_input();
                if !self.session.is_in_transaction() {
                    standstill.rest(self.session.database);
                }
                outcome?;
            }
            if self.link.host.clients.get(self.session.client.id).is_none() {
                return Err(LinkError::Failed("it was cut by CLIENT KILL".into()));
            }
            if self.acknowledged.elapsed() >= ACKNOWLEDGED_EACH {
                self.acknowledge()?;
            }
            if !may_run {
                self.socket.stand_still()?;
                continue;
            }
            if let Some(read) = self.socket.read_some(&mut piece)? {
                self.input.extend_from_slice(&piece[..read]);
                self.link.input_bytes(read);
                let now_ms = self.link.host.clock.now_ms();
                let come = self.run + self.input.len() as u64;
                self.link.host.upstream.note(self.turn, |status| {
                    status.heard_ms = now_ms;
                    status.read_offset = come;
                });
            }
        }
    }

    /// Runs all complete requests that have come.
    fn run_input(&mut self) -> Result<(), LinkError> {
        loop {
            let config = self.config.latest(&self.link.host.settings);
            let most_input_bytes = config.client_query_buffer_limit_bytes;
            let bounds = RequestLimits {
                unauthenticated: false,
                bulk_bytes: config.proto_max_bulk_len_bytes,
                requests: limits::REQUESTS_PER_BATCH,
            };
            let understood = self.reader.read(&mut self.input, &bounds, &mut self.batch);
            let goes_on = self.batch.is_full();
            let consumed = self.batch.consumed_bytes();
            self.note_empty_lines(consumed);
            self.link.outflow.stage_upstream(&self.input[..consumed]);
            self.run_batch()?;
            self.input.advance(consumed);
            self.reader.consumed(consumed);
            self.run += consumed as u64;
            if consumed > 0 && !self.session.is_in_transaction() {
                self.note_applied();
            }
            understood
                .map_err(|error| LinkError::Failed(format!("its stream is not understood: {error}")))?;
            if self.input.len() > most_input_bytes {
                return Err(LinkError::Failed("a request of the stream is too long".into()));
            }
            if !goes_on {
                return Ok(());
            }
        }
    }

    /// Runs the requests of the batch. Those about the link itself are answered here.
    fn run_batch(&mut self) -> Result<(), LinkError> {
        let ends: Vec<u64> = self.batch.request_ends().map(|end| self.run + end as u64).collect();
        let mut done = 0;
        while done < ends.len() {
            if self.left_out > 0 {
                self.left_out -= 1;
                done += 1;
                continue;
            }
            let before = {
                let requests = self.batch.requests_behind(done, usize::MAX, &self.input);
                requests.take_while(|request| !is_special(*request)).count()
            };
            if before == 0 {
                let next = self.batch.requests_behind(done, usize::MAX, &self.input).next();
                if let Some((left_out, command)) = next.and_then(|words| for_rankd(words.iter())) {
                    self.left_out = usize::from(left_out);
                    let command = BytesMut::from(command);
                    self.run_for_rankd(command, ends[done])?;
                    done += 1;
                    continue;
                }
                done += 1;
                // It wants to know now how far this server is.
                self.applied = if self.session.is_in_transaction() { self.applied } else { ends[done - 1] };
                self.acknowledge()?;
                continue;
            }
            self.session.expect(ends[done..].iter().copied());
            let terms = Terms { stats: &self.link.stats, leeway: Leeway::InProcess };
            let config = self.config.latest(&self.link.host.settings);
            let requests = self.batch.requests_behind(done, before, &self.input);
            let ran =
                run_batch(&self.link.host, config, &mut self.session, requests, &mut self.replies, terms);
            done += ran.count;
            self.check_run(&ran)?;
            if ran.count > 0 {
                self.unsynced.push_back((ran.seq, ends[done - 1]));
            }
        }
        Ok(())
    }

    /// Runs a command that the master has for rankd alone, in a request that ends at `end`.
    fn run_for_rankd(&mut self, mut command: BytesMut, end: u64) -> Result<(), LinkError> {
        let config = self.config.latest(&self.link.host.settings);
        let bounds = RequestLimits {
            unauthenticated: false,
            bulk_bytes: config.proto_max_bulk_len_bytes,
            requests: limits::REQUESTS_PER_BATCH,
        };
        let mut batch = RequestBatch::default();
        let understood = RequestReader::default().read(&mut command, &bounds, &mut batch);
        let count = batch.request_ends().count();
        if understood.is_err() || count != 1 || batch.consumed_bytes() != command.len() {
            return Err(LinkError::Failed("a command for rankd is not understood".into()));
        }
        self.session.expect(std::iter::once(end));
        let terms = Terms { stats: &self.link.stats, leeway: Leeway::InProcess };
        let requests = batch.requests(&command);
        let ran = run_batch(&self.link.host, config, &mut self.session, requests, &mut self.replies, terms);
        self.check_run(&ran)?;
        self.unsynced.push_back((ran.seq, end));
        Ok(())
    }

    fn check_run(&mut self, ran: &Ran) -> Result<(), LinkError> {
        self.replies.clear();
        match ran.next {
            NextStep::Continue => Ok(()),
            NextStep::Drop | NextStep::Close | NextStep::End => {
                Err(if self.link.host.upstream.turn() == self.turn {
                    LinkError::Failed("the stream cannot be run".into())
                } else {
                    LinkError::Superseded
                })
            }
            NextStep::Wait | NextStep::Aside | NextStep::Pause | NextStep::Replicate => {
                Err(LinkError::Failed("a command of the stream does not end".into()))
            }
        }
    }

    /// Notes whether there are empty lines between the requests of the batch.
    fn note_empty_lines(&mut self, consumed: usize) {
        let starts = std::iter::once(0).chain(self.batch.request_ends());
        self.has_empty_lines |=
            starts.filter(|start| *start < consumed).any(|start| self.input[start] != b'*');
    }

    /// All that has been run is in effect.
    fn note_applied(&mut self) {
        self.applied = self.run;
        self.rested = StreamPlace { offset: self.run, database: self.session.database };
        self.link.outflow.append_staged(std::mem::take(&mut self.has_empty_lines));
        let (applied, failed) = (self.applied, self.session.take_failures());
        let is_whole = self.whole_at.take_if(|whole_at| *whole_at <= applied).is_some();
        let id = is_whole.then(|| self.link.outflow.history().id);
        self.link.host.upstream.note(self.turn, |status| {
            status.applied_offset = applied;
            status.failed_commands += failed;
            if let Some(id) = id {
                // From here on others know the history.
                let history = id.as_str().as_bytes().try_into().expect("an identifier has as many digits");
                self.link.host.store.follow(Some(FollowedPosition { history, reached: self.rested }));
            }
        });
    }

    /// Tells the master how far this server is, and its disk.
    fn acknowledge(&mut self) -> Result<(), LinkError> {
        self.acknowledged = Instant::now();
        let applied = self.applied.to_string();
        let mut words: Vec<&[u8]> = vec![b"REPLCONF", b"ACK", applied.as_bytes()];
        let synced;
        if let Some(journal) = self.link.journal() {
            let on_disk = journal.synced();
            while self.unsynced.front().is_some_and(|(seq, _)| *seq <= on_disk) {
                self.synced = self.unsynced.pop_front().map_or(self.synced, |(_, offset)| offset);
            }
            synced = self.synced.min(self.applied).to_string();
            words.extend([&b"FACK"[..], synced.as_bytes()]);
        } else {
            // When it is turned on, the disk has the last of them as soon as the first base is complete.
            self.unsynced.drain(..self.unsynced.len().saturating_sub(1));
        }
        self.socket.send(&request(&words))
    }
}

/// Whether the request is one between master and replica, REPLCONF GETACK, or has a command for rankd.
fn is_special(request: Arguments<'_>) -> bool {
    request.get(0).is_some_and(|name| name.eq_ignore_ascii_case(b"replconf"))
        || for_rankd(request.iter()).is_some()
}

impl LinkContext {
    /// Tells that the stream is being followed.
    pub(super) fn note_following(&self, turn: u64) -> bool {
        let now_ms = self.host.clock.now_ms();
        self.host.upstream.note(turn, |status| {
            status.phase = LinkPhase::Following;
            status.down_ms += now_ms.saturating_sub(status.down_since_ms);
            status.down_since_ms = 0;
            status.up_since_ms = now_ms;
            status.heard_ms = now_ms;
        })
    }

    fn input_bytes(&self, bytes: usize) {
        self.stats.input_bytes.add(bytes as u64);
        self.stats.reads.add(1);
    }
}
