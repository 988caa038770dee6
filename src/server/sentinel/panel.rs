//! All sentinels, each asked by a thread of its own: one that does not answer holds up nobody.

use super::asking::{SentinelAnswer, SentinelLine};
use crate::config::Settings;
use crate::replication::upstream::state::MasterAddress;
use std::io;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread::{self, Scope};

/// The sentinels and their last answers.
pub(super) struct Panel {
    seats: Vec<Seat>,
    answers: Receiver<Answered>,
}

struct Seat {
    /// Takes the time of the question.
    questions: Sender<u64>,
    is_asked: bool,
    /// When the question was asked that has the last answer, and the answer.
    last: Option<(u64, Result<SentinelAnswer, String>)>,
}

struct Answered {
    seat: usize,
    asked_ns: u64,
    answer: Result<SentinelAnswer, String>,
}

impl Panel {
    /// Starts the threads in `scope`, one for each address in `settings`. They end with the panel, and unpark the calling thread when they have an answer. `is_own`
    /// says whether an address is that of this server.
    ///
    /// # Errors
    /// A thread cannot be started.
    pub(super) fn start<'scope>(
        scope: &'scope Scope<'scope, '_>,
        settings: &'scope Settings,
        is_own: &'scope (dyn Fn(&MasterAddress) -> bool + Sync),
    ) -> io::Result<Self> {
        let (sender, answers) = channel();
        let addresses = settings.current().sentinel.addresses.clone();
        let mut seats = Vec::with_capacity(addresses.len());
        for (seat, (host, port)) in addresses.into_iter().enumerate() {
            let (questions, asked) = channel();
            let (to, asker) = (sender.clone(), thread::current());
            thread::Builder::new().name("sentinel".into()).spawn_scoped(scope, move || {
                let mut line = SentinelLine::to(&host, port);
                for asked_ns in asked {
                    let answer = line.ask(&settings.current().sentinel, is_own);
                    let answer = answer.map_err(|why| format!("{host}:{port}: {why}"));
                    // Nobody listens any more when the server ends.
                    let _ = to.send(Answered { seat, asked_ns, answer });
                    asker.unpark();
                }
            })?;
            seats.push(Seat { questions, is_asked: false, last: None });
        }
        Ok(Self { seats, answers })
    }

    /// Asks those that have not been asked since `since_ns`. Who still owes an older answer is asked when that has come and this is
    /// called again.
    pub(super) fn ask(&mut self, since_ns: u64, now_ns: u64) {
        for seat in &mut self.seats {
            let is_old = seat.last.as_ref().is_none_or(|(asked_ns, _)| *asked_ns < since_ns);
            if is_old && !seat.is_asked {
                seat.is_asked = seat.questions.send(now_ns).is_ok();
            }
        }
    }

    /// Takes the answers that have come.
    pub(super) fn listen(&mut self) {
        for Answered { seat, asked_ns, answer } in self.answers.try_iter() {
            let seat = &mut self.seats[seat];
            seat.is_asked = false;
            seat.last = Some((asked_ns, answer));
        }
    }

    /// Whether all have answered what they were asked since `since_ns`, or have been given up.
    pub(super) fn has_all_since(&self, since_ns: u64) -> bool {
        self.seats.iter().all(|seat| seat.last.as_ref().is_some_and(|(asked_ns, _)| *asked_ns >= since_ns))
    }

    /// The answers of all to what they were asked since `since_ns`.
    pub(super) fn answers_since(&self, since_ns: u64) -> Vec<Result<SentinelAnswer, String>> {
        let answer = |seat: &Seat| match &seat.last {
            Some((asked_ns, answer)) if *asked_ns >= since_ns => answer.clone(),
            _ => Err("one has not answered yet".to_owned()),
        };
        self.seats.iter().map(answer).collect()
    }
}
