//! Who has the same? The stream of commands from a master to its replicas, and the data that a replica begins with.
//!
//! | file | its subject |
//! |---|---|
//! | `id`, `history` | which sequence of bytes an offset counts, and what a promotion makes of it |
//! | `saved` | the history on disk, for a restart |
//! | `backlog` | the last bytes of the stream |
//! | `link` | a connected replica: what it has said, how far it has come |
//! | `outflow`, `flow`, `reading` | the stream: its history, its backlog and the replicas that read it |
//! | `followed` | the same stream while it is the master's |
//! | `streaming`, `records` | a master's stream: from the records of the store to commands |
//! | `rounded` | which boards the log has named because plain replicas get nearest doubles |
//! | `full_sync`, `sync_file`, `marks` | all data, in a file, and where the stream goes on behind it |
//! | `upstream` | a replica's end of the link to its master |
//!
//! Invariant: a replica that has the history's bytes up to an offset has the data that this server had when it had spelled, or
//! applied, the byte at this offset. Absent on purpose: sockets and tokio (`server`), commands and their replies (`commands`).

pub mod backlog;
mod flow;
mod followed;
pub mod full_sync;
pub mod history;
pub mod id;
pub mod link;
mod marks;
pub mod outflow;
pub mod reading;
pub mod records;
mod rounded;
pub mod saved;
pub mod streaming;
mod sync_file;
pub mod upstream;

pub use backlog::BacklogFacts;
pub use flow::{OutflowBounds, ReplicaEnd, StreamForm, StreamSource};
pub use full_sync::{FullSyncs, SyncForm};
pub use history::{EarlierHistory, History};
pub use id::ReplicationId;
pub use link::{Introduction, ReplicaLink, ReplicaPhase};
pub use marks::Blanks;
pub use outflow::{Outflow, ProgressWatcher};
pub use reading::StreamReading;
pub use records::{FOR_RANKD, for_rankd, put_command};
pub use saved::{EndedAs, SavedData, SavedHistory};
pub use streaming::Streaming;
pub use sync_file::{BoardNames, FullSync, Sendable, SyncEnd, SyncFile};
