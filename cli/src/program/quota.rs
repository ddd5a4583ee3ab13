//! How much of the log others may cause: peers, their clients, whoever sends datagrams. One limit for the process, over
//! all links and all places that log, so that it holds whatever they do.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;

use tracing::Metadata;
use tunnel::limit::{Bucket, OWN};
use tunnel::metrics::log;

/// Bytes of lines a second, on average, that others may cause: 86 MB a day.
const BYTES_PER_SECOND: u32 = 1_000;

/// Bytes of such lines that may come at once, about 150 lines: the start of a busy hour is seen in full.
const BURST: u32 = 16 << 10;

/// Where lines come from that nobody but the program's user causes: there are few, and they are always written.
/// Everything else may be somebody else's doing.
const OWN_MODULES: [&str; 6] =
    ["paso_cli", "paso_tunnel::session", "paso_tunnel::metrics", "paso_tunnel::state", "proxy1", "proxy2"];

/// Whether a line is the program's own.
pub(super) fn is_own(metadata: &Metadata<'_>) -> bool {
    is_own_target(metadata.target())
}

fn is_own_target(target: &str) -> bool {
    let below = |module: &str| {
        target.strip_prefix(module).is_some_and(|rest| rest.is_empty() || rest.starts_with("::"))
    };
    target == OWN || OWN_MODULES.iter().any(|module| below(module))
}

/// What others may still cause.
#[derive(Debug)]
pub(super) struct Quota {
    bytes: Bucket,
    /// Lines held back since this was last said.
    held_back: AtomicU64,
}

impl Quota {
    /// All of the burst is there.
    pub(super) fn new(now: Instant) -> Self {
        Self { bytes: Bucket::new(now, BYTES_PER_SECOND, BURST), held_back: AtomicU64::new(0) }
    }

    /// Whether a line may be written. It may be longer than what is left: those after it wait for longer then.
    pub(super) fn has_room(&self, now: Instant) -> bool {
        self.bytes.has_room(now)
    }

    /// A line of so many bytes is written.
    pub(super) fn charge(&self, now: Instant, bytes: usize) {
        self.bytes.charge(now, u32::try_from(bytes).unwrap_or(u32::MAX));
    }

    /// A line is not written; whether it is the first since this was last said.
    pub(super) fn hold_back(&self) -> bool {
        log::add_held_back(1);
        self.held_back.fetch_add(1, Ordering::Relaxed) == 0
    }

    /// Whether there is something to say about lines held back.
    pub(super) fn has_held_back(&self) -> bool {
        self.held_back.load(Ordering::Relaxed) > 0
    }

    /// How many lines were held back since the last call, once there is room again and if there were any.
    pub(super) fn take_held_back(&self, now: Instant) -> Option<u64> {
        let due = self.has_held_back() && self.has_room(now);
        due.then(|| self.held_back.swap(0, Ordering::Relaxed))
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn a_flood_is_cut_to_its_rate_and_counted() {
        let start = Instant::now();
        let quota = Quota::new(start);
        let (mut written, mut held_back) = (0, 0);
        for millis in 0..60_000 {
            let now = start + Duration::from_millis(millis);
            if quota.has_room(now) {
                quota.charge(now, 100);
                written += 100;
            } else {
                assert_eq!(quota.hold_back(), held_back == 0, "it is told that the first is held back");
                held_back += 1;
            }
        }
        let expected = 60 * u64::from(BYTES_PER_SECOND) + u64::from(BURST);
        assert!((expected - 200..=expected + 200).contains(&written), "{written}, not {expected}");
        let end = start + Duration::from_secs(70);
        assert_eq!(quota.take_held_back(end), Some(held_back));
        assert_eq!(quota.take_held_back(end), None);
    }

    #[test]
    fn what_the_program_says_of_itself_is_always_written() {
        for target in
            ["paso_tunnel::session", "paso_cli::program::log", "paso_tunnel::state::watch", "proxy2", OWN]
        {
            assert!(is_own_target(target), "{target}");
        }
        for target in [
            "paso_tunnel::link::sealed::exit",
            "paso_tunnel::entry::tcp",
            "quinn_udp::unix",
            "paso_tunnel::stateful",
        ] {
            assert!(!is_own_target(target), "{target}");
        }
    }
}
