//! Failovers by three real redis-sentinel processes, and what a server asks sentinels at its start and after a stop.

mod failovers;
mod group;
mod ledger;
mod network;
mod oracle;
mod passwords;
mod start;
mod wakes;
