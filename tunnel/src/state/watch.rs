//! Notices that the tickets file or the rules file has changed while proxy2 runs.

use std::fs::{self, File};
use std::path::Path;
use std::time::{Duration, Instant, SystemTime};

use tokio::sync::watch;
use tokio::time::{MissedTickBehavior, interval};
use tracing::{info, warn};

use super::feed::{Taken, TicketList, Tickets};
use super::running::Presence;
use super::{RULES_FILE, ServerState, StateDir, StateError, TICKETS_FILE, TicketRules, os};
use crate::reload::Reload;

/// How often the files are looked at: a revoked client is gone within about this time.
const PERIOD: Duration = Duration::from_millis(500);

/// Follows the tickets file and the rules file. They are looked at twice a second, which works on every file system and costs two
/// system calls. A file that cannot be read changes nothing, and the other one counts all the same: it is tried again each time until
/// it can. So it is with tickets that are missing; rules that are missing are none, if they are when it is looked again.
#[derive(Debug)]
pub(crate) struct Watch {
    folder: StateDir,
    sender: watch::Sender<TicketList>,
    taken: watch::Receiver<Option<Taken>>,
    presence: Presence,
    reload: Reload,
    /// The files whose contents were sent last.
    seen: Option<Marks>,
    spare: Spare,
    about_tickets: Complaints,
    about_rules: Complaints,
    /// There was no rules file the last time.
    had_no_rules: bool,
}

impl Watch {
    /// Follows the files of `folder`, which has just been opened as `state`. The tickets are to be had as long
    /// as [`run`](Self::run) runs.
    pub(crate) fn new(folder: StateDir, state: ServerState) -> (Self, Tickets) {
        let (sender, list) = watch::channel(TicketList { records: state.tickets, rules: state.rules });
        let tickets = Tickets::from(list);
        let (taken, spare) = (tickets.confirmations(), Spare::new(folder.path()));
        let (presence, reload) = (state.presence, Reload::new());
        let watch = Self {
            folder,
            sender,
            taken,
            presence,
            reload,
            seen: None,
            spare,
            about_tickets: Complaints::of("tickets"),
            about_rules: Complaints::of("rules"),
            had_no_rules: false,
        };
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

    /// Looks at the files once, and sends what is in them if it has changed.
    pub(super) fn look(&mut self) {
        self.presence.renew();
        // Taken before the files are read: what changes in between is noticed the next time.
        let marks = Marks::of(self.folder.path());
        if marks.is_some() && marks == self.seen {
            return;
        }
        let (records, rules) = self.spare.lend(|| {
            // Where even the tickets are missing, a folder is on its way elsewhere, and has more than no rules.
            let rules = marks.as_ref().map(|_| self.folder.checked_rules());
            (self.folder.checked_tickets(), rules)
        });
        let records = self.about_tickets.unless_bad(records, "no revocation takes effect");
        let rules =
            rules.and_then(|rules| self.about_rules.unless_bad(rules, "no change of them takes effect"));
        let rules = rules.and_then(|rules| self.unless_just_gone(rules));
        if records.is_some() && rules.is_some() {
            self.seen = marks.filter(|marks| marks.are_settled(SystemTime::now()));
        }
        self.sender.send_if_modified(|old| {
            let new = TicketList {
                records: records.unwrap_or_else(|| old.records.clone()),
                rules: rules.unwrap_or_else(|| old.rules.clone()),
            };
            let changed = *old != new;
            *old = new;
            changed
        });
    }

    /// Editors put a file away before they write it anew. Who may do less than all others must not do as they do in between.
    fn unless_just_gone(&mut self, rules: Option<TicketRules>) -> Option<TicketRules> {
        let had_none = std::mem::replace(&mut self.had_no_rules, rules.is_none());
        rules.or_else(|| had_none.then(TicketRules::default))
    }
}

/// What is said about a file that cannot be read: at once, and then now and then.
#[derive(Debug)]
struct Complaints {
    file: &'static str,
    last: Option<Complaint>,
}

impl Complaints {
    const fn of(file: &'static str) -> Self {
        Self { file, last: None }
    }

    /// What was read. Otherwise says that the old content stays, and what follows from that.
    fn unless_bad<T>(&mut self, read: Result<T, StateError>, effect: &str) -> Option<T> {
        match read {
            Ok(content) => {
                if self.last.take().is_some() {
                    info!("the {} file can be read again", self.file);
                }
                Some(content)
            }
            Err(error) => {
                self.complain(&error, effect);
                None
            }
        }
    }

    fn complain(&mut self, error: &StateError, effect: &str) {
        let (text, now) = (error.to_string(), Instant::now());
        if self.last.as_ref().is_some_and(|last| last.still_holds(&text, now)) {
            return;
        }
        warn!(%error, "the {} cannot be read: the old ones stay, and {effect}", self.file);
        self.last = Some(Complaint { text, at: now });
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

/// A descriptor kept back for the files, so that they can be read when connections have taken all others.
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

/// The marks of both files.
#[derive(Debug, PartialEq, Eq)]
struct Marks {
    tickets: Mark,
    /// `None`: there is no such file.
    rules: Option<Mark>,
}

impl Marks {
    fn of(folder: &Path) -> Option<Self> {
        let tickets = Mark::of(&folder.join(TICKETS_FILE))?;
        Some(Self { tickets, rules: Mark::of(&folder.join(RULES_FILE)) })
    }

    fn are_settled(&self, now: SystemTime) -> bool {
        self.tickets.is_settled(now) && self.rules.as_ref().is_none_or(|rules| rules.is_settled(now))
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
