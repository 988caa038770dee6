//! The journal against damage, failing disks and crashes. The store is a plain map, so that it is known to the byte
//! what a restart must find.

mod bytes;
mod checkpoints;
mod crashes;
mod disk;
mod edges;
mod faults;
mod format;
mod history;
mod ledger;
mod model;
mod numbers;
mod random;
mod readers;
mod repair;
mod support;
mod switching;
