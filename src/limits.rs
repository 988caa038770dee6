//! Every bound of the server, in one place, each with its reason.
//!
//! A bound that Redis names is a configuration directive (see [`crate::config`]) and its default stands here; the
//! others are fixed. `tests/limits.rs` goes past each of them.

use std::time::Duration;

/// Longest line: a multibulk header, a bulk header or an inline command, in bytes. As Redis (`PROTO_INLINE_MAX_SIZE`).
pub const INLINE_BYTES: usize = 64 * 1024;

/// Most arguments of one request. As Redis (`INT_MAX`). A header reserves nothing: an argument that has come takes six
/// bytes or more of the buffer, whose length is bounded, and eight for where it stands.
pub const REQUEST_ARGUMENTS: usize = i32::MAX as usize;

/// Longest argument, in bytes: `proto-max-bulk-len`'s default, as Redis.
pub const BULK_BYTES: usize = 512 * 1024 * 1024;

/// Most arguments of one request before authentication (CVE-2021-32675: a header must not buy memory). As Redis.
pub const UNAUTHENTICATED_ARGUMENTS: usize = 10;

/// Longest argument before authentication, in bytes. As Redis.
pub const UNAUTHENTICATED_BULK_BYTES: usize = 16 * 1024;

/// Most bytes of one incomplete request: `client-query-buffer-limit`'s default, as Redis.
pub const QUERY_BUFFER_BYTES: usize = 1024 * 1024 * 1024;

/// How much is asked of the socket at a time, in bytes. As Redis (`PROTO_IOBUF_LEN`), times four for pipelines.
pub const READ_CHUNK_BYTES: usize = 64 * 1024;

/// Most requests that a connection reads before it runs them, and its thread's other connections have their turn: they
/// take about a fifth of a millisecond to read. One read of the socket holds no more, but of the shortest.
pub const REQUESTS_PER_BATCH: usize = 4096;

/// How long a connection's thread goes on running its requests before its other connections have their turn. It sees to
/// that between two requests.
pub const BATCH: Duration = Duration::from_millis(1);

/// A buffer that grew past this for one large request or reply is given back when it is empty, in bytes.
pub const KEPT_BUFFER_BYTES: usize = 256 * 1024;

/// How long a thread goes on running batches of other threads' connections on a contended shard, before it sees to its own.
pub const TURN: Duration = Duration::from_millis(1);

/// Once this many bytes of replies wait for a client, no further command of it is run until they are sent.
pub const PENDING_REPLY_BYTES: usize = 1024 * 1024;

/// Most bytes of messages that wait for a subscriber that does not read; its connection is closed then. As Redis
/// (`client-output-buffer-limit pubsub`).
pub const MAILBOX_BYTES: usize = 32 * 1024 * 1024;

/// Most commands run under one acquisition of a shard's lock, so that a long pipeline cannot keep others out.
pub const COMMANDS_PER_LOCK: usize = 64;

/// Highest value of `proto-max-bulk-len`, in bytes, and with it of a key's or a member's length: what the journal's
/// records can carry with room to spare.
pub const MOST_BULK_BYTES: usize = 1 << 30;

/// Most bytes of names that one FRIENDADD may copy: the user's goes into every friend's list, so a short request with
/// one long name would otherwise ask for gigabytes.
pub const FRIENDSHIP_BYTES: usize = 64 * 1024 * 1024;

/// Most members copied or looked up under one acquisition of a lock by work that may take many: large FRIENDRANKs,
/// checkpoint steps. At about 0.3 us a member this keeps a hold well under a millisecond.
pub const MEMBERS_PER_LOCK: usize = 1024;

/// Most elements that a command may look at on its connection's thread, where other connections wait meanwhile: about
/// half a millisecond. A command that wants more is run on the thread beside it, and most replies of such are written
/// as they are sent.
pub const ELEMENTS_ON_THREAD: usize = 8192;

/// How long a command may wait for its locks on its connection's thread. One that has to wait longer, behind a command
/// over millions of members, goes on waiting on the thread beside it.
pub const LOCK_PATIENCE: Duration = Duration::from_micros(500);

/// How much of a large reply is sent before the thread's other connections have their turn, in bytes: about a fifth of
/// a millisecond. Of a reply that is written while it is sent, no more than this is there as it goes over the wire.
pub const SENT_AT_ONCE_BYTES: usize = 256 * 1024;

/// Most members that one ZRANDMEMBER draws with repeats: a count of a few bytes would otherwise buy any amount of work
/// under a lock, and of memory.
pub const REPEATED_MEMBERS: usize = 1024 * 1024;

/// Most bytes of members that one ZRANDMEMBER repeats: few long ones are as much as many short ones.
pub const REPEATED_MEMBERS_BYTES: usize = 64 * 1024 * 1024;

/// A friend list up to this long is ranked under its locks, as one moment's picture; a longer one in steps.
pub const FRIENDS_AT_ONCE: usize = 4096;

/// Bytes of kept FRIENDRANK results: `friendrank-keep-bytes`'s default.
pub const KEPT_RESULTS_BYTES: usize = 64 * 1024 * 1024;

/// Bytes of journal that may wait for the disk before writers are made to wait too.
pub const JOURNAL_BACKLOG_BYTES: usize = 64 * 1024 * 1024;

/// Largest journal record, in bytes: a length above it is damage, not a record. A key and a value of the largest kind
/// fit with [`RECORD_PART_BYTES`] of what came before them.
pub const JOURNAL_RECORD_BYTES: usize = 3 << 30;

/// A command whose record is longer than this, in bytes, goes on in a further record.
pub const RECORD_PART_BYTES: usize = 64 * 1024 * 1024;

/// Bytes of a HyperLogLog that is written as runs of equal registers: `hll-sparse-max-bytes`'s default, as Redis.
pub const HLL_SPARSE_BYTES: usize = 3000;

/// Expired keys removed in one go, under one acquisition of a shard's lock.
pub const EXPIRED_PER_STEP: usize = 256;

/// Most databases that `databases` may ask for.
pub const DATABASES: usize = 1024;
