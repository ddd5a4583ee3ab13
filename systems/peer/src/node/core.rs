//! All that a node knows, behind one lock: who is there, what was said, which jobs there are.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::sync::oneshot;
use tokio::task::AbortHandle;

use super::words::Heard;
use crate::jobs::{JobId, Scheduler};
use crate::names::Pattern;
use crate::overlay::{Keys, NAMES, Name, Overlay, Post};
use crate::proof::{self, PublicKey};
use crate::wire::{Card, Outcome};

/// How much is remembered of what was heard, for those who ask later.
const HISTORY: usize = 500;
/// How many keys of one node are known: it makes a new one when its folder is lost.
const KEYS: usize = 4;
/// How long a node's word for its key is good, if somebody brings posts with another one.
const DOUBT_AGAIN: Duration = Duration::from_secs(10);
/// A node that says all the time that it has begun anew is not told of each time.
const COMES_AGAIN: Duration = Duration::from_secs(10);
/// After a failure, how long until a node is dialled again, at first and at most.
const DIAL_AGAIN: Duration = Duration::from_millis(250);
const DIAL_AGAIN_MOST: Duration = Duration::from_secs(8);

/// All that a node knows.
pub(super) struct Core {
    pub(super) overlay: Overlay,
    pub(super) scheduler: Scheduler,
    pub(super) members: BTreeMap<Name, Member>,
    pub(super) keys: KeyRing,
    pub(super) history: VecDeque<Heard>,
    pub(super) jobs: BTreeMap<JobId, Pending>,
    /// The streams that others have opened to this node.
    pub(super) serving: BTreeMap<u64, (Name, AbortHandle)>,
    pub(super) next_id: u64,
    began: Instant,
}

/// Another node.
#[derive(Debug, Default)]
pub(super) struct Member {
    /// The exit says that it is there, and vouches for its name.
    pub(super) is_published: bool,
    pub(super) card: Option<Card>,
    /// Its card may be out of date.
    pub(super) is_stale: bool,
    pub(super) link: Option<LinkEnd>,
    pub(super) is_dialling: bool,
    pub(super) appeared: Duration,
    /// When it last said who it is.
    met: Duration,
    /// When the others were told that it is there.
    told: Option<Duration>,
    dial_at: Duration,
    failures: u32,
}

/// A link to a neighbour.
#[derive(Debug)]
pub(super) struct LinkEnd {
    pub(super) id: u64,
    pub(super) task: AbortHandle,
}

/// A job of this node.
pub(super) struct Pending {
    pub(super) program: String,
    pub(super) args: Vec<String>,
    /// Shared by all jobs that were handed in together.
    pub(super) stdin: Arc<[u8]>,
    pub(super) done: oneshot::Sender<Done>,
}

/// What became of a job: who has run it, and what it wrote.
pub(super) type Done = Result<(Name, Outcome, Vec<u8>), String>;

/// Whom the node lets in, and their keys.
#[derive(Debug, Default)]
pub(super) struct KeyRing {
    allow: Vec<Pattern>,
    denied: BTreeSet<Name>,
    known: BTreeMap<Name, VecDeque<PublicKey>>,
}

impl Keys for KeyRing {
    fn admits(&self, name: &Name) -> bool {
        !self.denied.contains(name) && self.allow.iter().any(|pattern| pattern.matches(name))
    }

    fn is_genuine(&self, post: &Post) -> Option<()> {
        let keys = self.known.get(&post.run.name)?;
        keys.iter().any(|key| proof::is_signed_by(key, post)).then_some(())
    }
}

impl KeyRing {
    pub(super) fn new(allow: Vec<Pattern>) -> Self {
        Self { allow, ..Self::default() }
    }

    /// Lets somebody in, or not any more.
    pub(super) fn set(&mut self, name: &Name, is_allowed: bool) {
        if is_allowed {
            self.denied.remove(name);
            if !self.admits(name) {
                self.allow.push(Pattern::Exactly(name.clone()));
            }
        } else {
            self.denied.insert(name.clone());
        }
    }

    /// The exit vouches for it.
    pub(super) fn learn(&mut self, name: &Name, key: PublicKey) {
        if self.known.len() >= 4 * NAMES && !self.known.contains_key(name) {
            return;
        }
        let keys = self.known.entry(name.clone()).or_default();
        if !keys.contains(&key) {
            keys.push_front(key);
            keys.truncate(KEYS);
        }
    }
}

impl Core {
    pub(super) fn new(overlay: Overlay, scheduler: Scheduler, allow: Vec<Pattern>) -> Self {
        Self {
            overlay,
            scheduler,
            members: BTreeMap::new(),
            keys: KeyRing::new(allow),
            history: VecDeque::new(),
            jobs: BTreeMap::new(),
            serving: BTreeMap::new(),
            next_id: 0,
            began: Instant::now(),
        }
    }

    /// The time of the state machines.
    pub(super) fn now(&self) -> Duration {
        self.began.elapsed()
    }

    pub(super) fn new_id(&mut self) -> u64 {
        self.next_id += 1;
        self.next_id
    }

    pub(super) fn remember(&mut self, heard: Heard) {
        self.history.push_back(heard);
        while self.history.len() > HISTORY {
            self.history.pop_front();
        }
    }

    /// Who it is, as it says and the exit vouches: its key, and what it runs. Whether it is there for the first time.
    pub(super) fn meet(&mut self, card: Card) -> bool {
        let (name, now) = (card.run.name.clone(), self.now());
        self.keys.learn(&name, card.key.0);
        self.overlay.proven(&name, now);
        if !self.has_room_for(&name) {
            return false;
        }
        let member = self.members.entry(name.clone()).or_default();
        (member.is_stale, member.met) = (false, now);
        if member.card.as_ref() == Some(&card) {
            return false;
        }
        let is_new = member.card.as_ref().is_none_or(|known| known.run != card.run)
            && member.told.is_none_or(|told| now >= told + COMES_AGAIN);
        if is_new {
            member.told = Some(now);
        }
        if member.is_published {
            self.scheduler.worker_up(name, card.capacity, card.programs.clone(), now);
        }
        member.card = Some(card);
        is_new
    }

    /// Somebody brings what this node has not signed, or has signed with a new key: it is asked, but not for each forgery.
    pub(super) fn doubt(&mut self, name: &Name) {
        let now = self.now();
        if let Some(member) = self.members.get_mut(name) {
            member.is_stale |= now >= member.met + DOUBT_AGAIN;
        }
    }

    /// It can be reached: it is dialled.
    pub(super) fn appears(&mut self, name: &Name) {
        let now = self.now();
        if !self.has_room_for(name) {
            return;
        }
        let member = self.members.entry(name.clone()).or_default();
        if member.is_published {
            // Another process of that name may have come.
            member.is_stale = true;
            member.dial_at = now;
            return;
        }
        (member.is_published, member.appeared, member.dial_at, member.failures) = (true, now, now, 0);
        if let Some(card) = &member.card {
            self.scheduler.worker_up(name.clone(), card.capacity, card.programs.clone(), now);
        }
    }

    fn has_room_for(&self, name: &Name) -> bool {
        self.members.len() < NAMES || self.members.contains_key(name)
    }

    /// It is not there any more, or not wanted. Whether it was.
    pub(super) fn goes(&mut self, name: &Name) -> bool {
        let now = self.now();
        let Some(member) = self.members.remove(name) else { return false };
        self.scheduler.worker_down(name, now);
        if let Some(link) = member.link {
            link.task.abort();
            self.overlay.link_down(name);
        }
        member.card.is_some()
    }

    /// None: it is not wanted, or not any more.
    pub(super) fn link_up(&mut self, name: &Name, task: AbortHandle) -> Option<u64> {
        let id = self.new_id();
        let member = self.members.get_mut(name).filter(|_| self.keys.admits(name))?;
        if let Some(old) = member.link.replace(LinkEnd { id, task }) {
            old.task.abort();
        }
        (member.failures, member.is_dialling) = (0, false);
        self.overlay.link_up(name.clone());
        Some(id)
    }

    /// Unless there is another one meanwhile. Whether it cannot be reached without: then it has gone.
    pub(super) fn link_down(&mut self, name: &Name, id: u64) -> bool {
        let now = self.now();
        let Some(member) = self.members.get_mut(name) else { return false };
        if member.link.as_ref().is_none_or(|link| link.id != id) {
            return false;
        }
        member.link = None;
        member.dial_at = now + DIAL_AGAIN;
        let is_gone = !member.is_published;
        self.overlay.link_down(name);
        is_gone
    }

    /// It was dialled: it answered, or not.
    pub(super) fn dialled(&mut self, name: &Name, has_answered: bool) {
        let now = self.now();
        let Some(member) = self.members.get_mut(name) else { return };
        member.is_dialling = false;
        member.failures = if has_answered { 0 } else { member.failures.saturating_add(1) };
        let pause = DIAL_AGAIN * 2_u32.pow(member.failures.min(5));
        member.dial_at = now + pause.min(DIAL_AGAIN_MOST);
    }
}

impl Member {
    pub(super) fn may_be_dialled(&self, now: Duration) -> bool {
        self.is_published && !self.is_dialling && now >= self.dial_at
    }
}
