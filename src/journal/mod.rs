//! Will it survive? The append-only journal: records, segments, recovery, checkpoint.
//!
//! A command's Changes are appended under the locks of its shards ([`ChangeSink::append`](crate::store::change::sink::ChangeSink::append)) and wait in one buffer.
//! Before the reply is sent, [`Journal::acknowledged`] waits until they are as durable as `appendfsync` promises. At
//! a start, [`Journal::open`] loads everything into the store again.
//!
//! | file | its subject |
//! |---|---|
//! | `running` | the state of a running journal |
//! | `pending`, `numbers` | the one buffer, where sequence numbers are given; without it they are only counted |
//! | `writer`, `segment_writer` | from the buffer to the disk, and what a failing disk does to the promises |
//! | `acknowledged`, `waiters` | commands that wait for their records |
//! | `rounds` | the thread that syncs, retries, and starts checkpoints when they are due |
//! | `checkpoint`, `walk`, `base_file`, `history` | a base in place of old segments, without a fork |
//! | `transfer` | a base as what a replica begins with |
//! | `beginning`, `closing`, `stage` | turned on and off while the server runs, and closed at its end |
//! | `status`, `counters` | the state that INFO reports |
//! | `listed` | which files count, and which may be removed |
//! | `recovery`, `visit`, `open_file`, `reader`, `base_reader` | from the disk back to Changes, or an error that names the place |
//! | `open` | the start: lock, recover, cut off a torn tail, go on |
//! | `read_back` | everything read again beside the running journal |
//! | `offline`, `resp_dump`, `repair` | `rankd journal check`, `dump` and `repair` |
//! | `record`, `base`, `header`, `manifest`, `segment`, `directory`, `directory_lock` | the bytes and names; docs/journal-format.md draws them |
//! | `files` | the system calls, so that a test can make them fail |
//!
//! Invariant: the next start finds what a reply has promised, or it stops and says what is wrong. Absent on purpose:
//! commands, replies, tokio. Locks are taken in the order `sync_turn`, `writer`, `pending`; each of the others is
//! held for a line or two, with no further lock inside.

mod acknowledged;
mod base;
mod base_file;
mod base_reader;
mod beginning;
mod checkpoint;
mod closing;
mod counters;
mod directory;
mod directory_lock;
mod error;
mod files;
mod header;
mod history;
mod listed;
mod manifest;
mod numbers;
mod offline;
mod open;
mod open_file;
mod pending;
mod read_back;
mod reader;
mod record;
mod recovery;
mod repair;
mod resp_dump;
mod rounds;
mod running;
mod segment;
mod segment_writer;
mod stage;
mod status;
#[cfg(test)]
mod tests;
mod transfer;
mod visit;
mod waiters;
mod walk;
mod writer;

pub use crate::journal::acknowledged::Acknowledged;
pub use crate::journal::directory::DIRECTORY_NAME;
pub use crate::journal::error::{AlreadyRunning, OpenError, Refused};
pub use crate::journal::offline::{DumpError, JournalReport, check, dump};
pub use crate::journal::open::{JournalOptions, Recovered};
pub use crate::journal::recovery::{FileRead, TornTail};
pub use crate::journal::repair::{Cut, Lost, RepairMode, repair};
pub use crate::journal::resp_dump::dump_resp;
pub use crate::journal::running::Journal;
pub use crate::journal::status::{JournalLag, SlowestCalls, Status};
pub use crate::journal::transfer::{BASE_VERSION, BadBase, BaseRead, is_base, read_base, write_base};
