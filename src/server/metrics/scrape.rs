//! The page of all metrics at one moment.

use super::facts::Facts;
use super::page::Page;
use super::source::Source;
use super::{ranking, redis};

/// Makes the page. Locks one shard at a time. O(shards + large boards + commands).
pub(super) fn page(source: &Source) -> String {
    let Source { host, process, boards } = source;
    let info = host.info();
    let facts = Facts::of(&info);
    let latencies: Vec<_> = host.command_latencies().collect();
    let mut page = Page::default();
    redis::write(&mut page, host, &facts, &latencies);
    ranking::write(&mut page, host, &facts, &latencies, process.journal().map(|journal| &**journal));
    boards.write(&mut page);
    page.into_text()
}
