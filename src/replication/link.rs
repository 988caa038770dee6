//! A replica that is connected, as other threads see it.

use std::sync::atomic::{AtomicU8, AtomicU64, Ordering};

/// What a replica has said of itself before it asked for data.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Introduction {
    /// The port on which it listens; 0 if it did not say.
    pub listening_port: u16,
    /// The address under which others reach it, if it is not the one it connects from.
    pub address: String,
    /// It can read a dump file whose length is not known before.
    pub reads_to_mark: bool,
    /// It understands `+CONTINUE` with another identifier.
    pub follows_renames: bool,
    /// It is a rankd.
    pub is_rankd: bool,
    /// It wants a dump file and no stream (`redis-cli --rdb`).
    pub wants_only_file: bool,
    /// It asked by SYNC: there is no line in front of the file, and it acknowledges nothing.
    pub is_old: bool,
}

/// How far the connection to a replica has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum ReplicaPhase {
    /// The dump file is being written.
    WaitsForFile = 0,
    /// The dump file is being sent.
    ReceivesFile = 1,
    /// It gets the stream.
    Online = 2,
}

impl ReplicaPhase {
    /// The word in INFO.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::WaitsForFile => "wait_bgsave",
            Self::ReceivesFile => "send_bulk",
            Self::Online => "online",
        }
    }
}

/// A connected replica.
#[derive(Debug)]
pub struct ReplicaLink {
    /// The number of its client.
    pub client: u64,
    /// The address that it connects from; empty if that has none.
    pub peer: String,
    introduction: Introduction,
    phase: AtomicU8,
    acknowledged: AtomicU64,
    synced: AtomicU64,
    heard_ms: AtomicU64,
}

impl ReplicaLink {
    /// A replica that waits for its data since `now_ms`.
    #[must_use]
    pub fn new(client: u64, peer: String, introduction: Introduction, now_ms: u64) -> Self {
        Self {
            client,
            peer,
            introduction,
            phase: AtomicU8::new(ReplicaPhase::WaitsForFile as u8),
            acknowledged: AtomicU64::new(0),
            synced: AtomicU64::new(0),
            heard_ms: AtomicU64::new(now_ms),
        }
    }

    /// What it has said of itself.
    #[must_use]
    pub fn introduction(&self) -> &Introduction {
        &self.introduction
    }

    /// The address and the port under which others reach it.
    #[must_use]
    pub fn address(&self) -> (String, u16) {
        let address = match self.introduction.address.as_str() {
            "" => self.peer.clone(),
            announced => announced.to_owned(),
        };
        (address, self.introduction.listening_port)
    }

    /// How far it has come.
    #[must_use]
    pub fn phase(&self) -> ReplicaPhase {
        match self.phase.load(Ordering::Relaxed) {
            0 => ReplicaPhase::WaitsForFile,
            1 => ReplicaPhase::ReceivesFile,
            _ => ReplicaPhase::Online,
        }
    }

    /// It has come this far.
    pub fn set_phase(&self, phase: ReplicaPhase) {
        self.phase.store(phase as u8, Ordering::Relaxed);
    }

    /// The offset up to which it has applied the stream.
    #[must_use]
    pub fn acknowledged(&self) -> u64 {
        self.acknowledged.load(Ordering::Relaxed)
    }

    /// The offset up to which what it applied is on its disk.
    #[must_use]
    pub fn synced(&self) -> u64 {
        self.synced.load(Ordering::Relaxed)
    }

    /// It has acknowledged these offsets at `now_ms`. An offset never goes back.
    pub fn note_acknowledged(&self, applied: u64, synced: Option<u64>, now_ms: u64) {
        self.acknowledged.fetch_max(applied, Ordering::Relaxed);
        self.synced.fetch_max(synced.unwrap_or(0), Ordering::Relaxed);
        self.heard_ms.store(now_ms, Ordering::Relaxed);
    }

    /// The last time it has acknowledged something, in unix milliseconds.
    #[must_use]
    pub fn heard_ms(&self) -> u64 {
        self.heard_ms.load(Ordering::Relaxed)
    }
}
