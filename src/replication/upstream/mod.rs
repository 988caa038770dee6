//! A replica's end of the link to its master, as far as it is bytes: the sockets are in `server`.
//!
//! | file | its subject |
//! |---|---|
//! | `lines` | lines out of a stream that is cut anywhere |
//! | `handshake` | from PING to the answer of PSYNC |
//! | `payload` | the file of a full sync |
//! | `standstill` | the master's commands wait while a file is written |
//! | `lease` | how surely a master leads that has sentinels |
//! | `state` | which master is followed, and how far the link is |

pub mod handshake;
pub mod lease;
pub mod lines;
pub mod payload;
pub mod standstill;
pub mod state;
