//! Notices that the tickets file has changed while proxy2 runs.

use std::fs;
use std::path::Path;
use std::time::{Duration, SystemTime};

use proto::ticket::record::TicketRecord;
use tokio::sync::watch;
use tokio::time::{MissedTickBehavior, interval};
use tracing::warn;

use super::{StateDir, TICKETS_FILE};

/// How often the file is looked at: a revoked client is gone within about this time.
const PERIOD: Duration = Duration::from_millis(500);

/// Follows the tickets file of `folder` until nobody listens any more. It is looked at twice a second, which works on
/// every file system and costs one system call; a file that cannot be read changes nothing.
pub async fn watch_tickets(folder: StateDir, tickets: watch::Sender<Vec<TicketRecord>>) {
    let path = folder.path().join(TICKETS_FILE);
    let mut seen = None;
    let mut ticks = interval(PERIOD);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        tokio::select! {
            _ = ticks.tick() => {}
            () = tickets.closed() => return,
        }
        let mark = Mark::of(&path);
        if mark == seen {
            continue;
        }
        match folder.tickets() {
            Ok(records) => {
                tickets.send_if_modified(|old| {
                    let changed = *old != records;
                    *old = records;
                    changed
                });
            }
            Err(error) => {
                warn!(%error, "the tickets file has changed and cannot be read; the old tickets stay")
            }
        }
        seen = mark;
    }
}

/// What changes when a file is replaced or written to.
#[derive(Debug, PartialEq, Eq)]
struct Mark {
    modified: Option<SystemTime>,
    length: u64,
    inode: u64,
}

impl Mark {
    fn of(path: &Path) -> Option<Self> {
        let found = fs::metadata(path).ok()?;
        #[cfg(unix)]
        let inode = std::os::unix::fs::MetadataExt::ino(&found);
        #[cfg(not(unix))]
        let inode = 0;
        Some(Self { modified: found.modified().ok(), length: found.len(), inode })
    }
}
