//! What a client that is a replica has said of itself (REPLCONF), and the data that it asks for (SYNC, PSYNC).

/// A replica's words.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ReplicaRequest {
    /// The port on which it listens; 0 if it did not say.
    pub listening_port: u16,
    /// The address under which others reach it; empty if it did not say.
    pub address: String,
    /// It can read a dump file whose length is not known before (`capa eof`).
    pub reads_to_mark: bool,
    /// It understands `+CONTINUE` with another identifier (`capa psync2`).
    pub follows_renames: bool,
    /// It is a rankd (`capa rankd`).
    pub is_rankd: bool,
    /// The version of bases that it reads in place of a dump file (`capa rankd-base-N`).
    pub base_version: Option<u32>,
    /// It wants a dump file and no stream (`rdb-only 1`).
    pub wants_only_file: bool,
    /// The data that it asks for.
    pub wish: DataWish,
}

/// The data that a replica asks for.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum DataWish {
    /// All, and then the stream, with no line about offsets in front (SYNC).
    #[default]
    All,
    /// What follows in a history, or all of another one (PSYNC).
    Behind {
        /// The history; `?` if it has none.
        id: Box<[u8]>,
        /// The number of the byte that it lacks.
        next: i64,
        /// The server that asks hands its part as the master over to this one, its replica.
        hands_over: bool,
    },
}
