//! The sections of INFO about keys: their numbers, the sizes of their values, and the rankings.

use super::info_lines::line;
use crate::commands::state::host::Host;
use crate::machine::chance::Chance;
use crate::store::{BoardSurvey, Kind, Shards};

/// Most bytes that are shown of the key of the largest board.
const SHOWN_KEY_BYTES: usize = 128;

pub(super) fn keyspace(host: &Host, shards: &Shards<'_, '_>, out: &mut String) {
    for database in host.databases() {
        let size = shards.size(database);
        if size.keys > 0 {
            let average_ms = size.expiry_sum_ms / (size.expiring_keys as u128).max(1);
            let left_ms = average_ms.saturating_sub(u128::from(host.clock.now_ms()));
            line(
                out,
                format_args!(
                    "db{database}:keys={},expires={},avg_ttl={left_ms},subexpiry={}",
                    size.keys, size.expiring_keys, size.dated_keys
                ),
            );
        }
    }
}

pub(super) fn key_sizes(host: &Host, shards: &Shards<'_, '_>, out: &mut String) {
    for database in host.databases() {
        for (kind, name) in Kind::ALL.into_iter().filter_map(|kind| Some((kind, kind.sizes_name()?))) {
            let sizes = shards.sizes(database, kind);
            let classes: Vec<String> =
                sizes.classes().map(|(least, count)| format!("{}={count}", short(least))).collect();
            if !classes.is_empty() {
                line(out, format_args!("db{database}_distrib_{name}:{}", classes.join(",")));
            }
        }
    }
}

/// A power of two with a letter for its thousands, as Redis prints it.
fn short(size: u64) -> String {
    const LETTERS: [&str; 7] = ["", "K", "M", "G", "T", "P", "E"];
    let thousands = size.checked_ilog2().unwrap_or(0) / 10;
    format!("{}{}", size >> (10 * thousands), LETTERS[thousands as usize])
}

pub(super) fn ranking(host: &Host, shards: &Shards<'_, '_>, out: &mut String) {
    let kept = host.friend_rankings.stats();
    let persistence = host.process.persistence();
    let BoardSurvey { boards, members, bytes_per_member, largest } =
        shards.survey_boards(host.store.databases(), &mut Chance::drawn());
    line(out, format_args!("boards:{boards}"));
    line(out, format_args!("members:{members}"));
    line(out, format_args!("bytes_per_member:{bytes_per_member:.1}"));
    let (name, most) = largest.map_or((String::new(), 0), |largest| {
        let key = &largest.key[..largest.key.len().min(SHOWN_KEY_BYTES)];
        (format!("db{}:{}", largest.database, key.escape_ascii()), largest.members)
    });
    line(out, format_args!("largest_board:{name}"));
    line(out, format_args!("largest_board_members:{most}"));
    line(out, format_args!("log_seq:{}", persistence.last_seq));
    line(out, format_args!("log_lag:{}", persistence.pending_bytes));
    line(out, format_args!("friendrank_kept_results:{}", kept.results));
    line(out, format_args!("friendrank_kept_bytes:{}", kept.bytes));
    line(out, format_args!("friendrank_kept_hits:{}", kept.hits));
    line(out, format_args!("friendrank_kept_misses:{}", kept.misses));
}
