//! Failovers by three real redis-sentinel processes, and what a server asks sentinels at its start.

mod failovers;
mod group;
mod ledger;
mod network;
mod start;
