//! The threads that send and receive. Each thread has its own connections and waits for all of them in one poll(2). Its
//! timeout is in nanoseconds, so that a request of an open loop is sent when it is due.

use super::exchange::{Exchange, Measurements};
use super::schedule::{Pace, Schedule};
use super::template::Template;
use crate::machine::chance::Chance;
use crate::machine::clock::Clock;
use crate::net::stream::ClientStream;
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::io::Errno;
use std::io::{ErrorKind, Read, Write};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::mpsc;
use std::time::Duration;

/// How many bytes are read from a socket at a time.
const READ_BYTES: usize = 128 * 1024;

/// How long a server may be silent, in nanoseconds, before the run is aborted. Also how long an open loop may continue
/// after its last request was due.
const PATIENCE_NS: u64 = 10_000_000_000;

/// Longest sleep, in nanoseconds, so that an interrupt is noticed.
const LONGEST_SLEEP_NS: u64 = 100_000_000;

/// How often progress is printed.
const PROGRESS_INTERVAL: Duration = Duration::from_millis(500);

/// One run of the generator.
#[derive(Debug)]
pub(super) struct Plan {
    /// The requests, each with its share in percent.
    pub(super) templates: Vec<(u64, Template)>,
    /// When requests are due.
    pub(super) pace: Pace,
    /// Requests of the whole run; `u64::MAX` if only the time ends it.
    pub(super) total: u64,
    /// Requests that a connection sends together.
    pub(super) pipeline: u64,
    /// Number of threads, at least 1.
    pub(super) threads: usize,
    /// The seed of all random choices.
    pub(super) seed: u64,
}

impl Plan {
    /// When an open loop's last request is due, in nanoseconds after the start; `None` for a closed loop.
    pub(super) fn last_due_ns(&self) -> Option<u64> {
        match self.pace {
            Pace::Closed { .. } => None,
            Pace::Open { per_second } => Some((self.total as f64 * 1e9 / per_second) as u64),
        }
    }
}

/// Runs `plan` over `streams`, which are connected and have no unread bytes. `progress` is called every half second with
/// how long it has run and how many replies there are. A raised `interrupted` ends the run.
///
/// # Errors
/// The failure of a connection.
pub(super) fn run(
    plan: &Plan,
    streams: Vec<ClientStream>,
    interrupted: &AtomicBool,
    mut progress: impl FnMut(Duration, u64),
) -> Result<Measurements, String> {
    let (failed, answered) = (AtomicBool::new(false), AtomicU64::new(0));
    let mut chance = Chance::seeded(plan.seed);
    let step = streams.len() as u64;
    let threads = plan.threads.min(streams.len());
    let mut shares: Vec<(Vec<ClientStream>, Vec<Exchange<'_>>)> =
        (0..threads).map(|_| <_>::default()).collect();
    for (next, stream) in streams.into_iter().enumerate() {
        let (share_streams, exchanges) = &mut shares[next % threads];
        stream.set_nonblocking(true).map_err(|error| error.to_string())?;
        share_streams.push(stream);
        let Plan { pace, total, pipeline, .. } = *plan;
        let schedule = Schedule { pace, total, pipeline, next: next as u64, step };
        exchanges.push(Exchange::new(&plan.templates, schedule, Chance::seeded(chance.next_u64())));
    }
    let clock = Clock::system();
    let start_ns = clock.monotonic_ns();
    std::thread::scope(|scope| {
        let (results, received) = mpsc::channel();
        for (streams, exchanges) in shares {
            let load_thread = LoadThread {
                streams,
                exchanges,
                last_due_ns: plan.last_due_ns(),
                clock: clock.clone(),
                start_ns,
                stops: [interrupted, &failed],
                answered: &answered,
                measured: Measurements::default(),
            };
            let results = results.clone();
            scope.spawn(move || {
                let result = load_thread.run();
                results.send(result).expect("the results are waited for");
            });
        }
        drop(results);
        let mut measured: Result<Measurements, String> = Ok(Measurements::default());
        loop {
            match received.recv_timeout(PROGRESS_INTERVAL) {
                Ok(Ok(one)) => {
                    if let Ok(measured) = &mut measured {
                        measured.add(&one);
                    }
                }
                Ok(Err(error)) => {
                    failed.store(true, Ordering::Relaxed);
                    measured = measured.and(Err(error));
                }
                Err(mpsc::RecvTimeoutError::Timeout) => {
                    let elapsed = Duration::from_nanos(clock.monotonic_ns() - start_ns);
                    progress(elapsed, answered.load(Ordering::Relaxed));
                }
                Err(mpsc::RecvTimeoutError::Disconnected) => return measured,
            }
        }
    })
}

/// One thread with its connections.
struct LoadThread<'a> {
    streams: Vec<ClientStream>,
    exchanges: Vec<Exchange<'a>>,
    last_due_ns: Option<u64>,
    clock: Clock,
    start_ns: u64,
    /// Setting one of these ends the run.
    stops: [&'a AtomicBool; 2],
    /// Replies of all threads.
    answered: &'a AtomicU64,
    measured: Measurements,
}

impl LoadThread<'_> {
    fn run(mut self) -> Result<Measurements, String> {
        wake_precisely();
        let streams = std::mem::take(&mut self.streams);
        let mut polled: Vec<PollFd<'_>> =
            streams.iter().map(|stream| PollFd::new(stream, PollFlags::IN)).collect();
        let mut buffer = vec![0; READ_BYTES];
        loop {
            let now_ns = self.now_ns();
            if self.is_over(now_ns) {
                break;
            }
            for (index, stream) in streams.iter().enumerate() {
                let exchange = &self.exchanges[index];
                let is_due = exchange.next_due_ns(now_ns).is_some_and(|due_ns| due_ns <= now_ns);
                if is_due || !exchange.unsent().is_empty() {
                    polled[index] = PollFd::new(stream, self.send(index, stream)?);
                }
            }
            if !self.wait(&mut polled)? {
                self.check_silence()?;
            }
            for (index, one) in polled.iter_mut().enumerate().filter(|(_, one)| !one.revents().is_empty()) {
                self.receive(index, &streams[index], &mut buffer)?;
                *one = PollFd::new(&streams[index], self.send(index, &streams[index])?);
            }
        }
        let now_ns = self.now_ns();
        for exchange in self.exchanges.drain(..) {
            exchange.end(now_ns, &mut self.measured);
        }
        Ok(self.measured)
    }

    fn now_ns(&self) -> u64 {
        self.clock.monotonic_ns() - self.start_ns
    }

    /// Whether all requests are answered, or the run must end early.
    fn is_over(&self, now_ns: u64) -> bool {
        self.stops.iter().any(|stop| stop.load(Ordering::Relaxed))
            || self.last_due_ns.is_some_and(|last_ns| now_ns > last_ns.saturating_add(PATIENCE_NS))
            || self.exchanges.iter().all(|exchange| exchange.is_done(now_ns))
    }

    /// Writes the requests that are due, sends as much as the socket accepts, and returns the events to wait for.
    fn send(&mut self, index: usize, mut stream: &ClientStream) -> Result<PollFlags, String> {
        let now_ns = self.now_ns();
        let exchange = &mut self.exchanges[index];
        exchange.fill(now_ns);
        while !exchange.unsent().is_empty() {
            match stream.write(exchange.unsent()) {
                Ok(bytes) => exchange.mark_sent(bytes),
                Err(error) if error.kind() == ErrorKind::WouldBlock => {
                    return Ok(PollFlags::IN | PollFlags::OUT);
                }
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) => return Err(self.lost(index, &error.to_string())),
            }
        }
        // In TLS, bytes may have been taken and not yet sent.
        match stream.flush() {
            Err(error) if error.kind() == ErrorKind::WouldBlock => Ok(PollFlags::IN | PollFlags::OUT),
            _ => Ok(PollFlags::IN),
        }
    }

    /// Reads once; the next poll reports further bytes.
    fn receive(&mut self, index: usize, mut stream: &ClientStream, buffer: &mut [u8]) -> Result<(), String> {
        let bytes = match stream.read(buffer) {
            Ok(0) => return Err(self.lost(index, "the server closed the connection")),
            Ok(bytes) => bytes,
            Err(error) if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::Interrupted) => {
                return Ok(());
            }
            Err(error) => return Err(self.lost(index, &error.to_string())),
        };
        let (now_ns, before) = (self.now_ns(), self.measured.answered);
        self.exchanges[index].receive(&buffer[..bytes], now_ns, &mut self.measured)?;
        self.answered.fetch_add(self.measured.answered - before, Ordering::Relaxed);
        Ok(())
    }

    /// Waits until a connection is ready or a request is due; `false` if none is ready.
    fn wait(&self, polled: &mut [PollFd<'_>]) -> Result<bool, String> {
        let now_ns = self.now_ns();
        let next_ns = self.exchanges.iter().filter_map(|exchange| exchange.next_due_ns(now_ns)).min();
        let sleep_ns = next_ns.map_or(LONGEST_SLEEP_NS, |next_ns| next_ns.saturating_sub(now_ns));
        let sleep_ns = sleep_ns.min(LONGEST_SLEEP_NS);
        match poll(polled, Some(&Timespec { tv_sec: 0, tv_nsec: sleep_ns as _ })) {
            Ok(ready) => Ok(ready > 0),
            Err(Errno::INTR) => Ok(false),
            Err(error) => Err(format!("poll: {error}")),
        }
    }

    /// Fails if the server has not answered any connection for too long.
    fn check_silence(&self) -> Result<(), String> {
        let oldest_ns = self.exchanges.iter().filter_map(Exchange::oldest_due_ns).min();
        let silent_since_ns = oldest_ns.map(|oldest_ns| oldest_ns.max(self.measured.last_reply_ns));
        if silent_since_ns.is_some_and(|since_ns| self.now_ns() > since_ns + PATIENCE_NS) {
            return Err(format!("no reply for {} s", PATIENCE_NS / 1_000_000_000));
        }
        Ok(())
    }

    /// The error text for a failed connection. A server usually sends the reason as an error before it closes one.
    fn lost(&self, index: usize, reason: &str) -> String {
        match self.exchanges[index].first_error() {
            Some(error) => format!("{reason} after {error:?}"),
            None => reason.to_owned(),
        }
    }
}

/// Makes the sleeps of this thread end in time; by default Linux may end them up to 50 us late.
fn wake_precisely() {
    #[cfg(target_os = "linux")]
    // If this fails, the latencies of an open loop are slightly too high.
    let _ = rustix::thread::set_current_timer_slack(std::num::NonZeroU64::new(1));
}
