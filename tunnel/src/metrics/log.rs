//! What did not reach the log. There is one log for a process, so these counts are the process's too.

use std::sync::atomic::{AtomicU64, Ordering};

static HELD_BACK: AtomicU64 = AtomicU64::new(0);
static DROPPED: AtomicU64 = AtomicU64::new(0);

/// Lines that are not in the log.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct LogLines {
    /// Lines that others caused beyond what they may cause.
    pub held_back: u64,
    /// Lines that could not be written: the reader is gone or does not read, the disk is full.
    pub dropped: u64,
}

/// The counts so far.
pub fn log_lines() -> LogLines {
    LogLines { held_back: HELD_BACK.load(Ordering::Relaxed), dropped: DROPPED.load(Ordering::Relaxed) }
}

/// So many more lines were held back.
pub fn add_held_back(lines: u64) {
    HELD_BACK.fetch_add(lines, Ordering::Relaxed);
}

/// So many more lines were dropped.
pub fn add_dropped(lines: u64) {
    DROPPED.fetch_add(lines, Ordering::Relaxed);
}
