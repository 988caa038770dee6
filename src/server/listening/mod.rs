//! Where clients come in: the listening sockets, and what has been accepted from them.
//!
//! | file | its subject |
//! |---|---|
//! | `addresses` | the addresses that `bind` names |
//! | `port_kind` | the plain port and that for TLS |
//! | `tcp` | the sockets of a port |
//! | `unix` | the unix socket and its file |
//! | `newcomer` | a connection that no thread serves yet |
//! | `listeners` | all that listens, and how it follows CONFIG SET |
//! | `accepting` | the tasks that accept connections and deal them to the worker threads |
//!
//! A socket is bound before anything of the disk is touched, and listens only when all about it is as configured: until
//! then nobody can connect.

pub(super) mod accepting;
pub(super) mod addresses;
pub(super) mod listeners;
pub(super) mod newcomer;
pub(super) mod port_kind;
pub(super) mod tcp;
pub(super) mod unix;
