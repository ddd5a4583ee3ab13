//! What all say to all: each post reaches every node once, in the order of its author, over whatever links there are.
//!
//! A pure state machine: no clock, no sockets. Nothing circulates, for nothing is sent that the neighbour is known to have. Each run of a
//! node numbers its posts from 1; each node keeps of each run how far it is, and the newest posts. On a new link both ends say how
//! far they are ([`Message::Have`]), and from then on each sends what the other lacks, in order, when the link has room for it
//! ([`Overlay::poll_message`]): there is no queue, and what was said during a partition arrives the same way as what is said now. Every 15 s
//! both say again how far they are, which mends what went wrong in between.
//!
//! Drive it so: after each [`handle`](Overlay::handle), [`say`](Overlay::say), [`tick`](Overlay::tick), [`proven`](Overlay::proven) or
//! [`link_up`](Overlay::link_up) drain [`poll_delivery`](Overlay::poll_delivery) and
//! [`poll_unproven`](Overlay::poll_unproven), and let the links take what [`poll_message`](Overlay::poll_message) has for them.
//!
//! What a hostile neighbour can do is bounded: it cannot make a post of somebody else, for they are signed; a flood of its own is passed on
//! at [`POSTS_PER_SECOND`], the newest [`Limits::posts`] of it; it is known by one name, of which [`RUNS`] runs are kept; what it says of
//! runs that nobody has is kept nowhere, or for [`UNPROVEN`] runs.

mod bucket;
mod log;
mod message;
mod neighbour;
mod post;
mod runs;
#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::ops::Bound;
use std::time::Duration;

pub(crate) use self::bucket::Bucket;
use self::log::Log;
pub use self::message::{Counts, Delivery, Fault, Keys, Message, SayError};
use self::neighbour::Neighbour;
pub use self::post::{Hex, MAX_NAME, MAX_NUMBER, MAX_TEXT, Name, NameError, Post, Run, Signature};

/// How many names there may be. Each has to be proven by the exit before it counts.
pub const NAMES: usize = 256;
/// How many runs of one node are kept: the newest.
pub const RUNS: usize = 4;
/// How many runs a neighbour may name of which nothing can be proven yet, or which are to be asked for again.
pub const UNPROVEN: usize = 1024;
/// How many entries one message has at most.
pub const ENTRIES: usize = 200;
/// How many posts of one author are taken, in the long run: a person writes fewer, a program is made to wait.
pub const POSTS_PER_SECOND: u32 = 50;
/// How many are taken at once: all that can be kept of all its runs, so that who comes back is told all.
pub const BURST: u32 = 1024;
/// How fast a node itself may say something, and how much at once; less than what others take, whose clocks differ.
const OWN_PER_SECOND: u32 = 40;
const OWN_BURST: u32 = 200;
/// The same in bytes: less than is kept, so that links have time to take it.
const OWN_BYTES: u32 = 96 << 10;
const OWN_BYTES_PER_SECOND: u32 = 64 << 10;
/// How often everything is compared that links should have made equal already.
const COMPARE_EVERY: Duration = Duration::from_secs(15);
/// How long other neighbours have to give what one has no more.
const GRACE: Duration = Duration::from_secs(5);
/// When posts that were not taken are asked for again; twice what a neighbour permits.
const ASK_AGAIN: Duration = Duration::from_secs(2);

/// How much is kept of each run.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// How many posts.
    pub posts: usize,
    /// How many bytes of text.
    pub bytes: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self { posts: 256, bytes: 128 << 10 }
    }
}

/// One node's part.
#[derive(Debug)]
pub struct Overlay {
    me: Run,
    limits: Limits,
    runs: BTreeMap<Run, Log>,
    authors: BTreeMap<Name, Author>,
    neighbours: BTreeMap<Name, Neighbour>,
    gaps: BTreeMap<Run, Gap>,
    unproven: BTreeSet<Name>,
    deliveries: VecDeque<Delivery>,
    compare_at: Duration,
    own_rate: Bucket,
    own_bytes: Bucket,
    counts: Counts,
}

/// A node of which a post was taken.
#[derive(Debug)]
struct Author {
    rate: Bucket,
    /// Runs that began up to then are over and forgotten.
    forgotten: Option<u64>,
}

/// Posts that a neighbour keeps no more.
#[derive(Clone, Copy, Debug)]
struct Gap {
    since: Duration,
    /// The first post behind it that a neighbour has.
    ends_at: u64,
}

impl Overlay {
    /// The part of this run, which has no links yet.
    pub fn new(me: Run, limits: Limits) -> Self {
        Self {
            runs: BTreeMap::from([(me.clone(), Log::after(0))]),
            me,
            limits,
            authors: BTreeMap::new(),
            neighbours: BTreeMap::new(),
            gaps: BTreeMap::new(),
            unproven: BTreeSet::new(),
            deliveries: VecDeque::new(),
            compare_at: COMPARE_EVERY,
            own_rate: Bucket::new(OWN_BURST, OWN_PER_SECOND, Duration::ZERO),
            own_bytes: Bucket::new(OWN_BYTES, OWN_BYTES_PER_SECOND, Duration::ZERO),
            counts: Counts::default(),
        }
    }

    /// What was not taken.
    pub const fn counts(&self) -> Counts {
        self.counts
    }

    /// The nodes that it has links to.
    pub fn neighbours(&self) -> impl Iterator<Item = &Name> {
        self.neighbours.keys()
    }

    /// How far this node is, of each run that is kept.
    pub fn positions(&self) -> impl Iterator<Item = (&Run, u64)> {
        self.runs.iter().map(|(run, log)| (run, log.last()))
    }

    /// Says something to all. `sign` signs the bytes of a post.
    ///
    /// # Errors
    /// [`SayError`].
    pub fn say(
        &mut self,
        text: &str,
        said: u64,
        now: Duration,
        sign: impl FnOnce(&[u8]) -> Signature,
    ) -> Result<Post, SayError> {
        match text.len() {
            0 => return Err(SayError::Empty),
            length if length > MAX_TEXT => return Err(SayError::TooLong(length)),
            _ => {}
        }
        let bytes = u32::try_from(text.len()).unwrap_or(u32::MAX);
        if !self.own_rate.take(now) || !self.own_bytes.take_many(bytes, now) {
            return Err(SayError::TooFast);
        }
        let log = self.runs.get_mut(&self.me).expect("its own run is kept");
        let (run, text, signature) = (self.me.clone(), text.to_owned(), Hex([0; 64]));
        let mut post = Post { run, number: log.last() + 1, said: said.min(MAX_NUMBER), text, signature };
        post.signature = sign(&post.signed_bytes());
        log.push(post.clone(), &self.limits);
        let name = self.me.name.clone();
        self.trim(&name);
        self.something_to_send();
        Ok(post)
    }

    /// There is a link to this node, a new one if there was one already.
    pub fn link_up(&mut self, name: Name) {
        let neighbour = Neighbour::new(self.runs.keys().cloned());
        self.neighbours.insert(name, neighbour);
    }

    /// There is no link to this node any more.
    pub fn link_down(&mut self, name: &Name) {
        self.neighbours.remove(name);
    }

    /// What a neighbour says.
    ///
    /// # Errors
    /// [`Fault`]: the link is to be cut.
    pub fn handle(
        &mut self,
        from: &Name,
        message: Message,
        keys: &impl Keys,
        now: Duration,
    ) -> Result<(), Fault> {
        if !self.neighbours.contains_key(from) {
            return Err(Fault::NoLink);
        }
        match message {
            Message::Have { runs, is_all } => self.handle_have(from, &runs, is_all, now),
            Message::Post { post, .. } if !post.is_sound() => Err(Fault::Unsound),
            Message::Post { post, is_oldest } => {
                self.handle_post(from, post, is_oldest, keys, now);
                Ok(())
            }
        }
    }

    /// Time passes: to be called a few times a second.
    pub fn tick(&mut self, now: Duration) {
        let over = |gap: &Gap| now >= gap.since + GRACE;
        let over: Vec<Run> =
            self.gaps.iter().filter(|(_, gap)| over(gap)).map(|(run, _)| run.clone()).collect();
        for run in over {
            self.pass_over(&run);
        }
        for neighbour in self.neighbours.values_mut() {
            neighbour.ask_what_is_due(now);
        }
        if now >= self.compare_at {
            self.compare_at = now + COMPARE_EVERY;
            for neighbour in self.neighbours.values_mut() {
                neighbour.to_tell.extend(self.runs.keys().cloned());
            }
        }
    }

    /// The key of this node is known now: what it said is asked for again.
    pub fn proven(&mut self, name: &Name, now: Duration) {
        self.unproven.remove(name);
        for neighbour in self.neighbours.values_mut() {
            neighbour.proven(name, now);
            neighbour.ask_what_is_due(now);
        }
    }

    /// A node whose posts are here, and whose key is not known: it is to be asked itself. Each is told once, until it is
    /// [proven](Self::proven) or another post of it comes.
    pub fn poll_unproven(&mut self) -> Option<Name> {
        self.unproven.pop_first()
    }

    /// What this node is to be told.
    pub fn poll_delivery(&mut self) -> Option<Delivery> {
        self.deliveries.pop_front()
    }

    /// What a neighbour is to be sent next, when its link has room.
    pub fn poll_message(&mut self, to: &Name) -> Option<Message> {
        let neighbour = self.neighbours.get_mut(to)?;
        if neighbour.owes_all || !neighbour.to_tell.is_empty() {
            let last = |run: &Run| self.runs.get(run).map_or(0, Log::last);
            let mut runs = Vec::new();
            while let Some(run) = (runs.len() < ENTRIES).then(|| neighbour.to_tell.pop_first()).flatten() {
                let number = last(&run);
                runs.push((run, number));
            }
            let is_all = neighbour.to_tell.is_empty();
            neighbour.owes_all &= !is_all;
            return Some(Message::Have { runs, is_all });
        }
        if !neighbour.is_known() || neighbour.is_served {
            return None;
        }
        // From the one after that which was served last, around.
        let (behind, before) = match &neighbour.served {
            Some(served) => {
                let behind = self.runs.range((Bound::Excluded(served), Bound::Unbounded));
                (behind, Some(self.runs.range(..=served)))
            }
            None => (self.runs.range::<Run, _>(..), None),
        };
        let next = behind.chain(before.into_iter().flatten()).find_map(|(run, log)| {
            let (post, is_oldest) = log.next_after(neighbour.has(run))?;
            Some((run.clone(), post.clone(), is_oldest))
        });
        let Some((run, post, is_oldest)) = next else {
            neighbour.is_served = true;
            return None;
        };
        neighbour.advance(&run, post.number);
        neighbour.served = Some(run);
        Some(Message::Post { post, is_oldest })
    }

    fn handle_have(
        &mut self,
        from: &Name,
        runs: &[(Run, u64)],
        is_all: bool,
        now: Duration,
    ) -> Result<(), Fault> {
        if runs.len() > ENTRIES {
            return Err(Fault::TooMany);
        }
        if runs.iter().any(|(run, number)| !run.is_sound() || *number > MAX_NUMBER) {
            return Err(Fault::Unsound);
        }
        let neighbour = self.neighbours.get_mut(from).ok_or(Fault::NoLink)?;
        // Of others nothing can be sent, so nothing is kept.
        for (run, number) in runs.iter().filter(|(run, _)| self.runs.contains_key(run)) {
            neighbour.says(run, *number, now);
        }
        if is_all {
            neighbour.becomes_known();
        }
        Ok(())
    }

    fn handle_post(&mut self, from: &Name, post: Post, is_oldest: bool, keys: &impl Keys, now: Duration) {
        let (run, number) = (post.run.clone(), post.number);
        let forgotten = self.authors.get(&run.name).and_then(|author| author.forgotten);
        if run == self.me || forgotten.is_some_and(|until| run.began <= until) || !keys.admits(&run.name) {
            self.counts.ignored += 1;
            return;
        }
        let last = self.runs.get(&run).map(Log::last);
        if let (Some(_), Some(neighbour)) = (last, self.neighbours.get_mut(from)) {
            neighbour.advance(&run, number);
        }
        let next = last.unwrap_or(0) + 1;
        if number < next {
            self.counts.duplicates += 1;
            return;
        }
        if keys.is_genuine(&post).is_none() {
            self.counts.unproven += 1;
            if self.neighbours.get_mut(from).is_some_and(|neighbour| neighbour.waits_for_proof(run.clone())) {
                self.unproven.insert(run.name);
            }
            return;
        }
        if !self.has_room_for(&run, now) {
            self.counts.ignored += 1;
            return;
        }
        if number > next {
            self.handle_gap(from, &run, number, is_oldest, now);
            return;
        }
        if !self.authors.get_mut(&run.name).is_some_and(|author| author.rate.take(now)) {
            self.counts.too_fast += 1;
            self.ask_again(from, run, now);
            return;
        }
        self.take(from, post);
    }

    /// The next post of its run.
    fn take(&mut self, from: &Name, post: Post) {
        let (run, number) = (post.run.clone(), post.number);
        self.runs.entry(run.clone()).or_insert_with(|| Log::after(0)).push(post.clone(), &self.limits);
        self.trim(&run.name);
        if let Some(neighbour) = self.neighbours.get_mut(from) {
            neighbour.advance(&run, number);
        }
        // What it said itself before it was restarted it passes on, and need not be told.
        if run.name != self.me.name {
            self.counts.delivered += 1;
            self.deliveries.push_back(Delivery::Said(post));
        }
        if self.gaps.get(&run).is_some_and(|gap| gap.ends_at <= number + 1) {
            self.gaps.remove(&run);
            self.tell_all(&run);
        }
        self.something_to_send();
    }

    fn ask_again(&mut self, from: &Name, run: Run, now: Duration) {
        if let Some(neighbour) = self.neighbours.get_mut(from) {
            neighbour.ask_again(run, now + ASK_AGAIN);
        }
    }

    /// All neighbours are told how far this node is.
    fn tell_all(&mut self, run: &Run) {
        for neighbour in self.neighbours.values_mut() {
            neighbour.to_tell.insert(run.clone());
        }
    }

    fn something_to_send(&mut self) {
        for neighbour in self.neighbours.values_mut() {
            neighbour.is_served = false;
        }
    }
}
