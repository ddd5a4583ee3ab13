//! What Linux says of this process: in `/proc`.

use std::fs;

use super::Process;

/// As it is now.
pub(super) fn now() -> Process {
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    let limits = fs::read_to_string("/proc/self/limits").unwrap_or_default();
    let open = fs::read_dir("/proc/self/fd").ok().and_then(|files| u64::try_from(files.count()).ok());
    Process {
        resident_bytes: number_after(&status, "VmRSS:").map(|kib| kib * 1_024),
        open_files: open,
        max_files: number_after(&limits, "Max open files"),
    }
}

/// The number that follows `name` at the beginning of a line.
fn number_after(text: &str, name: &str) -> Option<u64> {
    text.lines().find_map(|line| line.strip_prefix(name))?.split_whitespace().next()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_process_has_memory_and_files() {
        let now = now();
        assert!(now.resident_bytes.is_some_and(|bytes| bytes > 100_000), "{now:?}");
        assert!(now.open_files.is_some_and(|files| files > 2), "{now:?}");
    }
}
