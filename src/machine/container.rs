//! The memory limit of the container that the process runs in: `memory.max` of its cgroup (version 2) and of those above.

use std::path::{Path, PathBuf};

/// Where the kernel shows cgroups.
const CGROUPS: &str = "/sys/fs/cgroup";

/// The bytes that the process and its neighbours in the container may use; `None` if there is no such limit, or none that
/// the system shows.
#[must_use]
pub fn memory_limit_bytes() -> Option<u64> {
    let membership = std::fs::read_to_string("/proc/self/cgroup").ok()?;
    limit_under(Path::new(CGROUPS), &membership)
}

/// The lowest limit of the cgroup in the line `0::/path` of `membership`, and of those above it.
fn limit_under(root: &Path, membership: &str) -> Option<u64> {
    let own = membership.lines().find_map(|line| line.strip_prefix("0::/"))?;
    let mut directory: PathBuf = root.join(own);
    if !directory.starts_with(root) || own.split('/').any(|part| part == "..") {
        // The process is in another namespace of cgroups than the files show.
        return None;
    }
    let mut lowest = None;
    loop {
        // A limit that is not set reads `max`, and the first of all cgroups has no such file.
        let limit = std::fs::read_to_string(directory.join("memory.max")).ok();
        let limit = limit.and_then(|text| text.trim().parse::<u64>().ok());
        lowest = lowest.into_iter().chain(limit).min();
        if directory == root || !directory.pop() {
            return lowest;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_lowest_limit_on_the_way_up_counts() {
        let root = tempfile::tempdir().unwrap();
        let limit = |path: &str, text: &str| {
            std::fs::create_dir_all(root.path().join(path)).unwrap();
            std::fs::write(root.path().join(path).join("memory.max"), text).unwrap();
        };
        limit("pod", "4096000\n");
        limit("pod/box", "max\n");
        limit("pod/box/inner", "8192000\n");
        let of = |membership: &str| limit_under(root.path(), membership);
        assert_eq!(of("0::/pod/box/inner\n"), Some(4_096_000));
        assert_eq!(of("12:memory:/pod\n0::/pod/box\n"), Some(4_096_000));
        limit("pod/box", "1000\n");
        assert_eq!(of("0::/pod/box/inner\n"), Some(1000));
        assert_eq!(of("0::/\n"), None);
        limit("", "5000\n");
        assert_eq!((of("0::/\n"), of("0::/nowhere\n")), (Some(5000), Some(5000)));
        for odd in ["", "4:memory:/pod\n", "0::/../pod\n"] {
            assert_eq!(of(odd), None, "{odd}");
        }
    }
}
