//! The journal against damage, failing disks and crashes. What is held here is a plain map, so that what a restart
//! must find is known to the byte.

mod bytes;
mod checkpoints;
mod crashes;
mod disk;
mod edges;
mod faults;
mod format;
mod history;
mod ledger;
mod random;
mod repair;
mod support;
