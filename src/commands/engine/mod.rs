//! From a request to its reply: gates, locks, the command, its record.
//!
//! | file | its subject |
//! |---|---|
//! | `batch` | the requests of one read of a socket, one after the other |
//! | `terms` | what the caller of a batch allows, and what came of the batch |
//! | `prepared` | the next requests, each with its command and the place of its key |
//! | `lookahead` | loading what the next requests will touch |
//! | `runner` | the state of a batch under way |
//! | `request` | one request: gates, queue or command, reply, statistics |
//! | `gates` | what is asked before a command runs |
//! | `command` | the call of a command's function, under its locks |
//! | `locks` | taking the shards' locks and giving them back |
//! | `unit` | commands that run under locks which are held already, as one |
//! | `exec` | EXEC, a unit of queued requests |
//! | `script` | a script, a unit whose commands it chooses |
//! | `script_calls` | what a running script asks of the server |
//! | `script_gates` | what a script's own flags allow |
//! | `following` | what differs while a master is followed, and for its commands |
//! | `timing` | the time that commands take |
//! | `slow` | what took long |
//! | `tracking` | reads and changes of clients that keep copies of values |
//! | `watching` | CLIENT PAUSE and MONITOR |

mod batch;
mod command;
mod exec;
mod following;
mod gates;
mod locks;
mod lookahead;
mod prepared;
mod reach;
mod request;
mod runner;
mod script;
mod script_calls;
mod script_gates;
mod slow;
mod terms;
mod timing;
mod tracking;
mod unit;
mod watching;

pub use batch::run_batch;
pub use terms::{Contention, Leeway, Ran, Terms};
