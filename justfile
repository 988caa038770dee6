# One line each; `just` alone lists them. CI runs `.ci/run`, which is `just ci`.

_list:
    @just --list

# Serve on 6379 with the journal under ./data.
run *arguments:
    cargo run --release -- {{arguments}}

# All tests.
test *arguments:
    cargo test {{arguments}}

# Formatting and lints, as in CI.
lint:
    cargo fmt --check && cargo clippy --all-targets -- -D warnings

# All checks of CI.
ci:
    .ci/run

# Install Redis 8.2.3 and Valkey 9.1.2 into .peers/.
peers:
    .ci/peers

# Random command streams compared with Redis, ten million commands.
diff commands="10000000":
    RANKD_REQUIRE_PEERS=1 RANKD_STREAM_COMMANDS={{commands}} RANKD_FRIEND_ROUNDS=5000 cargo test --release differential -- --nocapture

# Random scores, read and printed, compared with Redis, a million of them.
doubles count="1000000":
    RANKD_REQUIRE_PEERS=1 RANKD_DOUBLES={{count}} cargo test --release doubles

# Conversations with rankd and its peers: all, or one file (`just scripts pubsub`).
scripts file="":
    RANKD_REQUIRE_PEERS=1 cargo test scripts::{{file}}

# Client libraries of seven languages and applications that live on Redis (installs them below .clients).
clients *programs:
    cargo build
    tests/clients/run.py {{programs}}

# Send load to the server on port 6379 (docs/operating.md explains the output).
load *arguments:
    cargo run --release -- bench {{arguments}}

# Speed and memory compared with Redis and Valkey (docs/performance.md has the figures).
compare *arguments: peers
    cargo build --release
    benches/compare.py {{arguments}} "redis 8.2.3={{justfile_directory()}}/.peers/redis-server-8.2.3 --port {port} --save ''" "valkey 9.1.2={{justfile_directory()}}/.peers/valkey-server-9.1.2 --port {port} --save ''" "rankd={{justfile_directory()}}/target/release/rankd --port {port} --dir {dir} --appendonly no"

# Unions and similar commands over large sorted sets, compared with Redis and Valkey: how long each holds its locks.
combine *arguments: peers
    cargo build --release
    benches/combine.py {{arguments}} "redis 8.2.3={{justfile_directory()}}/.peers/redis-server-8.2.3 --port {port} --save ''" "valkey 9.1.2={{justfile_directory()}}/.peers/valkey-server-9.1.2 --port {port} --save ''" "rankd={{justfile_directory()}}/target/release/rankd --port {port} --dir {dir} --appendonly no"

# The questions of leaderboards, each in one call, compared with the commands of Redis and Valkey that give the same answer.
boards *arguments: peers
    cargo build --release
    benches/boards.py {{arguments}} "redis 8.2.3={{justfile_directory()}}/.peers/redis-server-8.2.3 --port {port} --save ''" "valkey 9.1.2={{justfile_directory()}}/.peers/valkey-server-9.1.2 --port {port} --save ''" "rankd={{justfile_directory()}}/target/release/rankd --port {port} --dir {dir} --appendonly no"

# Large lists and hashes, compared with Redis: memory, LINSERT in the middle, the longest HSET (rankd's: `cargo bench --bench growth`).
large *arguments: peers
    cargo build --release
    benches/large_values.py {{arguments}} "redis 8.2.3={{justfile_directory()}}/.peers/redis-server-8.2.3 --port {port} --save ''" "rankd={{justfile_directory()}}/target/release/rankd --port {port} --dir {dir} --appendonly no"

# Streams, compared with Redis and Valkey: groups, memory, restart, a storm that is drained, stalls.
streams *arguments: peers
    cargo build --release
    benches/streams.py {{arguments}} "redis 8.2.3={{justfile_directory()}}/.peers/redis-server-8.2.3 --port {port} --save '' --appendonly yes" "valkey 9.1.2={{justfile_directory()}}/.peers/valkey-server-9.1.2 --port {port} --save '' --appendonly yes" "rankd={{justfile_directory()}}/target/release/rankd --port {port} --dir {dir}"

# Latency of PINGs while another client sends huge requests, and the memory of these (`just fairness -n 2000000`).
fairness *arguments: peers
    cargo build --release
    benches/fairness.py {{arguments}} "redis 8.2.3={{justfile_directory()}}/.peers/redis-server-8.2.3 --port {port} --save ''" "rankd={{justfile_directory()}}/target/release/rankd --port {port} --dir {dir} --appendonly no"

# The longest stall while a million keys expire within one second.
expiry *arguments: peers
    cargo build --release
    benches/expiry.py {{arguments}} "redis 8.2.3={{justfile_directory()}}/.peers/redis-server-8.2.3 --port {port} --save ''" "rankd={{justfile_directory()}}/target/release/rankd --port {port} --dir {dir}"

# Memory of 10,000 idle connections.
idle *arguments: peers
    cargo build --release
    benches/idle.py {{arguments}} "redis 8.2.3={{justfile_directory()}}/.peers/redis-server-8.2.3 --port {port} --save '' --maxclients 12000" "rankd={{justfile_directory()}}/target/release/rankd --port {port} --dir {dir} --appendonly no --maxclients 12000"

# What a full sync and the stream cost a master, and how fast a replica follows, compared with Redis and Valkey (`just replication -n 10000000`).
replication *arguments: peers
    cargo build --release
    benches/replication.py {{arguments}} "redis 8.2.3={{justfile_directory()}}/.peers/redis-server-8.2.3 --port {port} --save '' --repl-diskless-sync-delay 0" "valkey 9.1.2={{justfile_directory()}}/.peers/valkey-server-9.1.2 --port {port} --save '' --repl-diskless-sync-delay 0" "rankd={{justfile_directory()}}/target/release/rankd --port {port} --dir {dir} --appendonly no"

# Memory of many connections: idle, TLS, handshakes, clients that do not read; and a storm of connects.
connections *arguments:
    cargo build --release
    benches/connections.py {{arguments}} target/release/rankd

# What TLS costs: CPU a command, plain and over TLS, beside Redis's own TLS (Debian's redis-server) and stunnel4 in front of Redis.
tls *arguments: peers
    cargo build --release
    benches/tls.py {{arguments}} "{{justfile_directory()}}/target/release/rankd" /usr/bin/redis-server "{{justfile_directory()}}/.peers/redis-server-8.2.3"

# Restart, a checkpoint during writes, and its memory, compared with Redis and Valkey.
journal *arguments: peers
    cargo build --release
    benches/journal.py {{arguments}} "redis 8.2.3={{justfile_directory()}}/.peers/redis-server-8.2.3 --port {port} --save '' --appendonly yes --auto-aof-rewrite-percentage 0" "valkey 9.1.2={{justfile_directory()}}/.peers/valkey-server-9.1.2 --port {port} --save '' --appendonly yes --auto-aof-rewrite-percentage 0" "rankd={{justfile_directory()}}/target/release/rankd --port {port} --dir {dir} --auto-aof-rewrite-percentage 0"

# The ranking structures compared with each other, in process.
bench *arguments:
    cargo bench --bench ranking -- {{arguments}}

# Write Redis's replies into the conversations (read the diff before you commit it).
record file="":
    RANKD_REQUIRE_PEERS=1 RANKD_RECORD=1 cargo test scripts::{{file}}

# Failovers of three servers (or two) by three sentinels, kill -9 and SIGSTOP in turn, under writers: nothing that WAIT 1 confirmed
# may be lost.
failover rounds="20" servers="3":
    RANKD_REQUIRE_PEERS=1 RANKD_FAILOVERS={{rounds}} RANKD_FAILOVER_SERVERS={{servers}} cargo test sentinel::ledger -- --nocapture

# Two hundred ends of the server under writers with each policy: kill -9 in two of three rounds, else a clean shutdown.
crash rounds="300":
    RANKD_CRASH_ROUNDS={{rounds}} cargo test --release crash -- --nocapture

# Random histories with kills and power failures, on disks that fail, are full or are slow at random.
faults rounds="1000":
    RANKD_JOURNAL_ROUNDS={{rounds}} cargo test --lib journal::tests::random -- --nocapture

# Fuzz a target (needs a nightly toolchain and cargo-fuzz): request, ranking, rdb, hyperloglog, geo, restore, stream, lua_libraries.
# lua_libraries needs -detect_leaks=0: the interpreter has memory of a thread where the leak detector does not look.
fuzz target="request" seconds="60" *arguments:
    cargo +nightly fuzz run {{target}} -- -max_total_time={{seconds}} {{arguments}}

# The tests of the ranking structure and the store under AddressSanitizer (needs a nightly toolchain).
asan:
    RUSTFLAGS=-Zsanitizer=address cargo +nightly test --target x86_64-unknown-linux-gnu --lib --test main model

# Build the documentation; warnings are errors.
doc:
    RUSTDOCFLAGS="-D warnings" cargo doc --no-deps --open
