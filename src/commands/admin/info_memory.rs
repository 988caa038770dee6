//! INFO's section about memory, with Redis's fields in its order. What rankd does not have is 0.

use super::footprint::Footprint;
use crate::commands::state::host::Host;
use crate::machine::usage;
use std::fmt::Write;

/// Appends the section.
pub(super) fn write(host: &Host, out: &mut String) {
    let found = Footprint::of(host);
    let memory = host.config().memory;
    let (unfreed, freed) = host.store.freed_values();
    let (system, beyond) = (usage::system_bytes(), found.resident.saturating_sub(found.used));
    let mut line = |name: &str, value: &dyn std::fmt::Display| {
        let _ = write!(out, "{name}:{value}\r\n");
    };
    let functions = host.functions.current(host.store.libraries(), &host.clock);
    let fixed = |ratio: f64| format!("{ratio:.2}");
    let percent = |share: f64| format!("{share:.2}%");
    line("used_memory", &found.used);
    line("used_memory_human", &human(found.used));
    line("used_memory_rss", &found.resident);
    line("used_memory_rss_human", &human(found.resident));
    line("used_memory_peak", &found.peak);
    line("used_memory_peak_human", &human(found.peak));
    line("used_memory_peak_time", &(usage::peak_unix_ms() / 1000));
    line("used_memory_peak_perc", &percent(found.peak_percent()));
    line("used_memory_overhead", &found.overhead);
    line("used_memory_startup", &found.startup);
    line("used_memory_dataset", &found.dataset());
    line("used_memory_dataset_perc", &percent(found.dataset_percent()));
    let counts = found.counts;
    line("allocator_allocated", &counts.allocated);
    line("allocator_active", &counts.active);
    line("allocator_resident", &counts.resident);
    line("allocator_muzzy", &0);
    line("total_system_memory", &system);
    line("total_system_memory_human", &human(system));
    // One interpreter of a thread runs scripts and functions.
    let (interpreters, texts) = (found.interpreters, found.of_scripts + found.of_functions);
    line("used_memory_lua", &interpreters.for_scripts);
    line("used_memory_vm_eval", &interpreters.for_scripts);
    line("used_memory_lua_human", &human(interpreters.for_scripts));
    line("used_memory_scripts_eval", &found.of_scripts);
    line("number_of_cached_scripts", &host.scripts.count().count);
    line("number_of_functions", &functions.function_count());
    line("number_of_libraries", &functions.libraries.len());
    line("used_memory_vm_functions", &interpreters.for_functions);
    line("used_memory_vm_total", &interpreters.total());
    line("used_memory_vm_total_human", &human(interpreters.total()));
    line("used_memory_functions", &found.of_functions);
    line("used_memory_scripts", &texts);
    line("used_memory_scripts_human", &human(texts));
    line("maxmemory", &memory.max_bytes);
    line("maxmemory_human", &human(memory.max_bytes as usize));
    line("maxmemory_policy", &memory.policy.name());
    line("allocator_frag_ratio", &fixed(found.allocator_fragmentation()));
    line("allocator_frag_bytes", &counts.active.saturating_sub(counts.allocated));
    line("allocator_rss_ratio", &fixed(found.allocator_surplus()));
    line("allocator_rss_bytes", &counts.resident.saturating_sub(counts.active));
    line("rss_overhead_ratio", &fixed(found.process_surplus()));
    line("rss_overhead_bytes", &(found.resident as i64 - counts.resident as i64));
    line("mem_fragmentation_ratio", &fixed(found.fragmentation()));
    line("mem_fragmentation_bytes", &beyond);
    line("mem_not_counted_for_evict", &found.unwritten);
    line("mem_replication_backlog", &found.of_backlog);
    line("mem_total_replication_buffers", &found.of_backlog);
    line("mem_replica_full_sync_buffer", &0);
    line("mem_clients_slaves", &0);
    line("mem_clients_normal", &found.of_clients);
    line("mem_cluster_links", &0);
    line("mem_aof_buffer", &found.unwritten);
    line("mem_allocator", &"jemalloc");
    line("mem_overhead_db_hashtable_rehashing", &0);
    line("active_defrag_running", &0);
    line("lazyfree_pending_objects", &unfreed);
    line("lazyfreed_objects", &freed);
}

/// A number of bytes with a unit, as Redis prints it.
fn human(bytes: usize) -> String {
    let value = bytes as f64;
    match bytes {
        0..1024 => format!("{bytes}B"),
        1024..1_048_576 => format!("{:.2}K", value / 1024.0),
        1_048_576..1_073_741_824 => format!("{:.2}M", value / 1_048_576.0),
        1_073_741_824..1_099_511_627_776 => format!("{:.2}G", value / 1_073_741_824.0),
        _ => format!("{:.2}T", value / 1_099_511_627_776.0),
    }
}
