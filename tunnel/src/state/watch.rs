//! Notices that the tickets file has changed while proxy2 runs.

use std::fs::{self, File};
use std::path::Path;
use std::time::{Duration, Instant, SystemTime};

use proto::ticket::record::TicketRecord;
use tokio::sync::watch;
use tokio::time::{MissedTickBehavior, interval};
use tracing::{info, warn};

use super::feed::{Digest, Tickets};
use super::running::Presence;
use super::{ServerState, StateDir, StateError, TICKETS_FILE, os};
use crate::reload::Reload;

/// How often the file is looked at: a revoked client is gone within about this time.
const PERIOD: Duration = Duration::from_millis(500);

/// Follows the tickets file. It is looked at twice a second, which works on every file system and costs one system call.
/// A file that cannot be read, or is missing, changes nothing: it is tried again each time until it can.
#[derive(Debug)]
pub(crate) struct Watch {
    folder: StateDir,
    sender: watch::Sender<Vec<TicketRecord>>,
    taken: watch::Receiver<Option<Digest>>,
    presence: Presence,
    reload: Reload,
    /// The file whose content was sent last.
    seen: Option<Mark>,
    spare: Spare,
    complaint: Option<Complaint>,
}

impl Watch {
    /// Follows the tickets file of `folder`, which has just been opened as `state`. The tickets are to be had as long
    /// as [`run`](Self::run) runs.
    pub(crate) fn new(folder: StateDir, state: ServerState) -> (Self, Tickets) {
        let (sender, list) = watch::channel(state.tickets);
        let tickets = Tickets::from(list);
        let (taken, spare) = (tickets.confirmations(), Spare::new(folder.path()));
        let (presence, reload) = (state.presence, Reload::new());
        let watch = Self { folder, sender, taken, presence, reload, seen: None, spare, complaint: None };
        (watch, tickets)
    }

    /// Runs until nobody wants the tickets any more.
    pub(crate) async fn run(mut self) {
        let mut ticks = interval(PERIOD);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                _ = ticks.tick() => self.look(),
                () = self.reload.asked() => {
                    self.seen = None;
                    self.look();
                }
                Ok(()) = self.taken.changed() => {
                    if let Some(taken) = *self.taken.borrow_and_update() {
                        self.presence.confirm(taken);
                    }
                }
                () = self.sender.closed() => return,
            }
        }
    }

    /// Looks at the file once, and sends what is in it if it has changed.
    pub(super) fn look(&mut self) {
        self.presence.renew();
        // Taken before the file is read: what changes in between is noticed the next time.
        let mark = Mark::of(&self.folder.path().join(TICKETS_FILE));
        if mark.is_some() && mark == self.seen {
            return;
        }
        match self.spare.lend(|| self.folder.checked_tickets()) {
            Ok(records) => {
                if self.complaint.take().is_some() {
                    info!("the tickets file can be read again");
                }
                self.seen = mark.filter(|mark| mark.is_settled(SystemTime::now()));
                self.sender.send_if_modified(|old| {
                    let changed = *old != records;
                    *old = records;
                    changed
                });
            }
            Err(error) => self.complain(&error),
        }
    }

    /// Says that the file cannot be read: at once, and then now and then.
    fn complain(&mut self, error: &StateError) {
        let (text, now) = (error.to_string(), Instant::now());
        if self.complaint.as_ref().is_some_and(|last| last.still_holds(&text, now)) {
            return;
        }
        warn!(%error, "the tickets cannot be read: the old ones stay, and no revocation takes effect");
        self.complaint = Some(Complaint { text, at: now });
    }
}

/// What was said last about a file that cannot be read.
#[derive(Debug)]
struct Complaint {
    text: String,
    at: Instant,
}

impl Complaint {
    /// How often the same is said.
    const PAUSE: Duration = Duration::from_secs(60);
    /// How often anything is said.
    const LEAST: Duration = Duration::from_secs(5);

    fn still_holds(&self, text: &str, now: Instant) -> bool {
        let age = now.saturating_duration_since(self.at);
        age < Self::LEAST || (age < Self::PAUSE && self.text == text)
    }
}

/// A descriptor kept back for the tickets file, so that it can be read when connections have taken all others.
#[derive(Debug)]
struct Spare {
    held: Option<File>,
    path: std::path::PathBuf,
}

impl Spare {
    fn new(folder: &Path) -> Self {
        Self { held: File::open(folder).ok(), path: folder.into() }
    }

    fn lend<T>(&mut self, read: impl FnOnce() -> T) -> T {
        self.held = None;
        let result = read();
        self.held = File::open(&self.path).ok();
        result
    }
}

/// What changes when a file is replaced or written to.
#[derive(Debug, PartialEq, Eq)]
struct Mark {
    modified: Option<SystemTime>,
    length: u64,
    number: u64,
}

impl Mark {
    /// A clock of files that counts in steps of this may give the next change the same time.
    const STEP: Duration = Duration::from_secs(2);

    fn of(path: &Path) -> Option<Self> {
        let found = fs::symlink_metadata(path).ok()?;
        let number = os::file_number(&found);
        Some(Self { modified: found.modified().ok(), length: found.len(), number })
    }

    /// Whether the next change would give another mark.
    fn is_settled(&self, now: SystemTime) -> bool {
        let age = self.modified.and_then(|modified| now.duration_since(modified).ok());
        age.is_some_and(|age| age > Self::STEP)
    }
}
