//! Every limit of the server, in one place, each with its reason.
//!
//! A limit that Redis has as a directive is a directive here as well (see [`crate::config`]), and its default is in this
//! file. The others are fixed. `tests/limits.rs` exceeds each of them.

use std::time::Duration;

/// Longest line of a request, in bytes: a multibulk header, a bulk header or an inline command. As in Redis
/// (`PROTO_INLINE_MAX_SIZE`).
pub const INLINE_BYTES: usize = 64 * 1024;

/// Most arguments of one request. As in Redis (`INT_MAX`). A header reserves no memory: an argument that has arrived takes
/// at least six bytes of the buffer, whose length is limited, and eight bytes for its position.
pub const REQUEST_ARGUMENTS: usize = i32::MAX as usize;

/// Longest argument, in bytes: the default of `proto-max-bulk-len`, as in Redis.
pub const BULK_BYTES: usize = 512 * 1024 * 1024;

/// Most arguments of one request before authentication (CVE-2021-32675: a header must not reserve memory). As in
/// Redis.
pub const UNAUTHENTICATED_ARGUMENTS: usize = 10;

/// Longest argument before authentication, in bytes. As in Redis.
pub const UNAUTHENTICATED_BULK_BYTES: usize = 16 * 1024;

/// Most bytes of one incomplete request: the default of `client-query-buffer-limit`, as in Redis.
pub const QUERY_BUFFER_BYTES: usize = 1024 * 1024 * 1024;

/// How many bytes are read from a socket at a time: four times Redis's `PROTO_IOBUF_LEN`, for pipelines.
pub const READ_CHUNK_BYTES: usize = 64 * 1024;

/// Most requests that a connection parses before it runs them and lets the other connections of its thread continue.
/// Parsing them takes about a fifth of a millisecond. One read of the socket holds more only of the shortest requests.
pub const REQUESTS_PER_BATCH: usize = 4096;

/// How long a thread runs the requests of one connection before it serves its other connections. It checks between two
/// requests.
pub const BATCH: Duration = Duration::from_millis(1);

/// A buffer that grew beyond this for one large request or reply is freed when it is empty, in bytes.
pub const KEPT_BUFFER_BYTES: usize = 256 * 1024;

/// How long a thread runs batches of other threads' connections on a contended shard before it serves its own.
pub const TURN: Duration = Duration::from_millis(1);

/// When this many bytes of replies wait for a client, none of its further commands run until they are sent.
pub const PENDING_REPLY_BYTES: usize = 1024 * 1024;

/// Most bytes of a file of certificates, keys or authorities. That of all authorities of a system has a quarter of a megabyte;
/// a wrong path, of a device perhaps, must not be read for ever.
pub const TLS_FILE_BYTES: usize = 16 * 1024 * 1024;

/// How long a client may take for the handshake of TLS. Ten round trips of the slowest networks; a connection on which nothing
/// comes takes memory and a descriptor for no longer.
pub const TLS_HANDSHAKE: Duration = Duration::from_secs(10);

/// Most connections whose handshake has not ended, each with about 10 KB of memory. Handshakes end within milliseconds, so
/// that many wait only if most of their clients do not speak.
pub const TLS_HANDSHAKES: usize = 1024;

/// Most bytes of the file that RANKD_REQUIREPASS_FILE or its like names. No password is as long; a wrong path, of a device perhaps, must
/// not be read for ever.
pub const PASSWORD_FILE_BYTES: usize = 4096;

/// Most bytes of messages that wait for a subscriber that does not read. Above this its connection is closed. As in Redis
/// (`client-output-buffer-limit pubsub`).
pub const MAILBOX_BYTES: usize = 32 * 1024 * 1024;

/// Most connections to the metrics port at a time. A further one ends the oldest, so that clients that send nothing cannot keep
/// others out.
pub const METRICS_CONNECTIONS: usize = 32;

/// How long a connection to the metrics port may take for its request and its reply. A scrape takes milliseconds.
pub const METRICS_REQUEST: Duration = Duration::from_secs(10);

/// Most bytes of a request's head at the metrics port. Those of scrapers and probes have some hundred.
pub const METRICS_HEAD_BYTES: usize = 16 * 1024;

/// Most boards whose members and scores are metrics: each is two series of every scrape.
pub const METRICS_BOARDS: usize = 100;

/// Longest key of a board that is the label of a metric.
pub const METRICS_BOARD_NAME_BYTES: usize = 256;

/// Longest line of a master in the handshake of a replica, in bytes. Its longest line is an error text.
pub const REPLICATION_LINE_BYTES: usize = 16 * 1024;

/// Most commands that run under one acquisition of a shard's lock, so that a long pipeline does not block other clients.
pub const COMMANDS_PER_LOCK: usize = 64;

/// Highest value of `proto-max-bulk-len`, in bytes, and so the longest key or member. Records of the journal can hold it
/// with room to spare.
pub const MOST_BULK_BYTES: usize = 1 << 30;

/// A RENAME or MOVE of a value that takes more bytes is recorded by the names of the key. A start orders such a record across
/// its threads, which costs about as much as the elements of a value of this size.
pub const RELOCATED_BYTES: usize = 4096;

/// Most bytes of names that one FRIENDADD may copy. The name of the user is added to the list of every friend, so a short
/// request with one long name could otherwise copy gigabytes.
pub const FRIENDSHIP_BYTES: usize = 64 * 1024 * 1024;

/// Most members that long work (a large FRIENDRANK, a checkpoint) copies or looks up under one acquisition of a lock. At
/// about 0.3 us a member a lock is held for well under a millisecond.
pub const MEMBERS_PER_LOCK: usize = 1024;

/// Most elements that a command may look at on the thread of its connection, where other connections wait meanwhile: about
/// half a millisecond. A command that needs more runs on the second thread of the worker, and most replies of such
/// commands are written while they are sent.
pub const ELEMENTS_ON_THREAD: usize = 8192;

/// How long a command may wait for its locks on the thread of its connection. A command that waits longer, for example
/// behind a command over millions of members, continues to wait on the second thread of the worker.
pub const LOCK_PATIENCE: Duration = Duration::from_micros(500);

/// How many bytes of a large reply are sent before the other connections of the thread continue: about a fifth of a
/// millisecond. Of a reply that is written while it is sent, at most this much is in memory as RESP.
pub const SENT_AT_ONCE_BYTES: usize = 256 * 1024;

/// Most members that one ZRANDMEMBER draws with repeats. Otherwise a short request could cause any amount of work under a
/// lock and use any amount of memory.
pub const REPEATED_MEMBERS: usize = 1024 * 1024;

/// Most bytes of members that one ZRANDMEMBER draws with repeats: long members need a limit of their own.
pub const REPEATED_MEMBERS_BYTES: usize = 64 * 1024 * 1024;

/// A friend list up to this length is ranked under its locks, as of one moment. A longer one is ranked in steps.
pub const FRIENDS_AT_ONCE: usize = 4096;

/// Most bytes of kept FRIENDRANK results: the default of `friendrank-keep-bytes`.
pub const KEPT_RESULTS_BYTES: usize = 64 * 1024 * 1024;

/// Most bytes of the journal that may wait for the disk before writers must wait as well.
pub const JOURNAL_BACKLOG_BYTES: usize = 64 * 1024 * 1024;

/// Largest record of the journal, in bytes; a greater length is damage. It has room for the longest key, the longest value
/// and [`RECORD_PART_BYTES`] of earlier Changes.
pub const JOURNAL_RECORD_BYTES: usize = 3 << 30;

/// A command whose record is longer than this, in bytes, continues in a further record.
pub const RECORD_PART_BYTES: usize = 64 * 1024 * 1024;

/// Most bytes of a HyperLogLog that is written as runs of equal registers: the default of `hll-sparse-max-bytes`, as in Redis.
pub const HLL_SPARSE_BYTES: usize = 3000;

/// Most keys that are looked at because they may have expired, under one acquisition of a shard's lock.
pub const EXPIRED_PER_STEP: usize = 256;

/// Highest value of `databases`.
pub const DATABASES: usize = 1024;

/// The longest id of a request to a board, for a name such as a UUID with a prefix: a board keeps many of them.
pub const REQUEST_ID_BYTES: usize = 64;

/// Most request ids that a board keeps. They are written with the head of the board, under one lock.
pub const BOARD_IDS_MAX: u32 = 65_536;

/// Longest lifetime of a board's policy, in seconds: 317 years. The end fits into a number of milliseconds.
pub const BOARD_TTL_S_MAX: i64 = 9_999_999_999;

/// Denials of the same kind within this time of the first are one entry of ACL LOG, as in Redis.
pub const ACL_LOG_GROUPING: Duration = Duration::from_secs(60);

/// The newest entries of ACL LOG with which a denial is compared, so that noting it takes bounded time.
pub const ACL_LOG_COMPARED: usize = 10;

/// Most bits of a password that ACL GENPASS makes, as in Redis.
pub const GENERATED_PASSWORD_BITS: i64 = 4096;

/// Entries of a stream in a dump share the names of their fields, and each is a Change with all of its names. A block of entries
/// in a dump or payload may be spelled with this many bytes, and this many times those that it has itself. Redis's own blocks
/// are at most about sixty times as long.
pub const SHARED_NAMES_BYTES: u64 = 1024 * 1024;

/// See [`SHARED_NAMES_BYTES`].
pub const SHARED_NAMES_RATIO: u64 = 256;

/// Most bytes of records that wait to be spelled for replicas. When more wait, the stream is broken off and the replicas begin
/// anew: a writer never waits for them, and spelling is several times faster than writing.
pub const UNSPELLED_BYTES: usize = 256 * 1024 * 1024;

/// Longest argument of a replica that gets the stream, in bytes: it sends offsets.
pub const REPLICA_WORD_BYTES: usize = 4096;

/// Most bytes of an incomplete request of a replica that gets the stream: some acknowledgements.
pub const REPLICA_INPUT_BYTES: usize = 64 * 1024;

/// Longest address that a replica may announce, in bytes: that of the longest name of a host, as in Redis.
pub const REPLICA_ADDRESS_BYTES: usize = 255;

/// The least `repl-backlog-size`, in bytes, as in Redis: a smaller one is used up by a few commands.
pub const LEAST_BACKLOG_BYTES: usize = 16 * 1024;

/// The largest `repl-backlog-size`, in bytes: more than any machine has, and a sum of offsets that cannot overflow.
pub const MOST_BACKLOG_BYTES: usize = 1 << 50;

/// Most templates of boards. They are written at the front of every base and dump file.
pub const TEMPLATES: usize = 1024;

/// Longest beginning of keys that a template is for: the names that games give to boards are shorter.
pub const TEMPLATE_PREFIX_BYTES: usize = 512;

/// Most bytes of the fields and values of one entry of a stream, as in Redis. A block of entries has at most as many.
pub const STREAM_ENTRY_BYTES: usize = 1 << 30;

/// Most producers of which a stream keeps the ids of their requests. A producer is a process that adds entries; with one id each,
/// so many take 20 MB. When there are more, the stream remembers no new one until an id expires.
pub const STREAM_PRODUCERS: usize = 100_000;

/// Longest name of a producer, and longest id of one of its requests, in bytes. Ids of requests are UUIDs or names of a few of them;
/// a stream keeps up to 10,000 of each producer.
pub const PRODUCER_ID_BYTES: usize = 65_536;

/// Longest script, in bytes. The largest in use have some tens of kilobytes; the compiler takes many times the length of what it
/// compiles.
pub const SCRIPT_BYTES: usize = 4 * 1024 * 1024;

/// Most memory that a script may take for its values, in bytes. The interpreters of all threads may take it at the same time.
pub const SCRIPT_MEMORY_BYTES: usize = 256 * 1024 * 1024;

/// Deepest nesting of tables in the reply of a script. A client's parser recurses as deeply.
pub const SCRIPT_REPLY_DEPTH: usize = 128;

/// Most elements of the reply of a script. Tables that contain each other describe more than any time is enough for; the locks of the
/// script are held while its reply is written.
pub const SCRIPT_REPLY_ELEMENTS: usize = 2 * 1024 * 1024;

/// Longest request of `redis.call`, in bytes. One string of a script may be an argument many times.
pub const SCRIPT_REQUEST_BYTES: usize = 512 * 1024 * 1024;

/// Longest reply of a script, in bytes. Tables that contain each other describe more than any memory holds.
pub const SCRIPT_REPLY_BYTES: usize = 512 * 1024 * 1024;

/// Steps of a script, which are calls and turns of loops, between two looks at the time: some tens of microseconds.
pub const SCRIPT_STEPS_BETWEEN_CHECKS: u32 = 1024;

/// Most scripts that each thread keeps ready to run; with more, it begins anew. As many as Redis keeps of EVAL.
pub const SCRIPTS_LOADED: usize = 500;

/// Most scripts that EVAL has brought and that stay in the cache. As in Redis since 7.4 (`LRU_LIST_LENGTH`).
pub const EVALUATED_SCRIPTS: usize = 500;

/// A script whose last run took less than this runs on the thread of its connection, like any command. Others run on the thread
/// beside it, as does the first run of each script.
pub const SHORT_SCRIPT: Duration = BATCH;

/// How long a script may keep the thread of its connection although its last run was short. Then it is begun anew on the thread
/// beside it, unless it has changed something.
pub const SCRIPT_ON_THREAD: Duration = Duration::from_millis(5);

/// How long a command that holds locks waits for a further one before it looks whether a script needs what it holds. It looks less
/// and less often.
pub const FIRST_LOCK_SLICE: Duration = Duration::from_millis(20);

/// The longest time between two such looks: readers that hold a lock for less than this, one after the other, do not keep a writer
/// out. It is short beside [`REACH_PATIENCE`].
pub const LONGEST_LOCK_SLICE: Duration = Duration::from_millis(640);

/// How long a script that has changed something waits for the lock of a key that it has not declared. It holds other locks, so it
/// must not wait for ever; nearly all who have the lock give it back within a fraction of a millisecond.
pub const REACH_PATIENCE: Duration = Duration::from_secs(5);
/// Most values that a library function of scripts returns, and what its nested tables may take of Lua's stack. As in Redis
/// (`LUAI_MAXCSTACK` of Lua 5.1). The functions need no stack for them; with the limit their errors are those of Redis.
pub const SCRIPT_LIBRARY_SLOTS: usize = 8000;

/// Longest string that a library function of scripts builds, in bytes: what an interpreter may allocate. A small table may
/// stand for a large string, as a table can be in others more than once.
pub const SCRIPT_STRING_BYTES: usize = 64 * 1024 * 1024;

/// How deep `cmsgpack.pack` goes into tables. What is deeper becomes nil. As in Redis.
pub const MESSAGE_PACK_DEPTH: usize = 16;

/// Largest integer of `struct`, in bytes. As in Redis.
pub const STRUCT_INTEGER_BYTES: usize = 32;

/// How many elements a library function of scripts writes before the interpreter can end the script: some milliseconds. What is
/// written can be many times what the script has in memory.
pub const SCRIPT_LIBRARY_STEPS: usize = 8192;

/// How long a write waits before it looks again whether the journal has a base of the data that a full sync has brought, in
/// milliseconds: the time by which it may come too late.
pub const BASE_PAUSE_MS: u64 = 20;

/// How long the code of a library may run when it is loaded. As in Redis.
pub const LIBRARY_LOAD: Duration = Duration::from_millis(500);

/// Most compiled libraries that wait to be put into the store. They are there for the time of one command.
pub const LIBRARIES_COMPILED: usize = 100;
