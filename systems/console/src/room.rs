//! Who is here, and what each is told. Nothing here waits, reads a clock or knows of streams: whoever serves the clients says what
//! has come and when, writes what waits in each [`Outbox`], and asks [`Room::woken`] for whom there is something new.

mod chatter;
mod identity;
mod reasons;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use self::chatter::{Breath, Chatter};
pub use self::identity::Identity;
pub use self::reasons::{Full, Leaving};
use crate::outbox::Outbox;

/// A session: no other has had this number since the server began.
pub type Number = u64;

/// How much may be here, and for how long.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// Clients at a time.
    pub clients: usize,
    /// Of these with one ticket.
    pub of_ticket: usize,
    /// A client that says it is there every few seconds, and has not for so long, is let go.
    pub silence: Duration,
    /// So is one that never says so, as `paso nc` does not, when it has sent no line for so long.
    pub idle: Duration,
}

/// What was counted since the beginning.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Tally {
    /// Clients that came in.
    pub clients: u64,
    /// Clients for which there was no room.
    pub refused: u64,
    /// Lines of clients.
    pub lines: u64,
    /// Lines that could not be understood.
    pub faults: u64,
    /// Texts that somebody said or told.
    pub said: u64,
    /// Lines that slow readers have missed.
    pub missed: u64,
}

/// Where a member is in its life.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Presence {
    /// It is here.
    Here,
    /// It has left; what waits for it is still written.
    Left(Leaving),
}

/// A client that is here, or just has left.
#[derive(Debug)]
pub struct Member {
    /// Who it is.
    pub who: Identity,
    /// When it came.
    pub since: Duration,
    /// When something last came from it.
    pub heard: Duration,
    /// Where it is in its life.
    pub presence: Presence,
    /// What waits to be written to it.
    pub outbox: Outbox,
    /// The others were told that it came: those of one ticket who come and go all the time are put together.
    pub is_announced: bool,
    /// It says every few seconds that it is there.
    beats: bool,
    /// How much more it may say before it is a flood.
    breath: Breath,
}

/// See the module. Times are since the server began.
#[derive(Debug)]
pub struct Room {
    limits: Limits,
    members: BTreeMap<Number, Member>,
    chatter: Chatter,
    tally: Tally,
    last: Number,
    woken: BTreeSet<Number>,
    is_ending: bool,
}

impl Room {
    /// An empty one.
    pub fn new(limits: Limits) -> Self {
        Self {
            limits,
            members: BTreeMap::new(),
            chatter: Chatter::default(),
            tally: Tally::default(),
            last: 0,
            woken: BTreeSet::new(),
            is_ending: false,
        }
    }

    /// Somebody comes in; the others are told.
    ///
    /// # Errors
    /// [`Full`].
    pub fn enter(
        &mut self,
        ticket: Option<String>,
        is_operator: bool,
        now: Duration,
    ) -> Result<Identity, Full> {
        let Limits { clients, of_ticket, .. } = self.limits;
        let with_it = self.members.values().filter(|member| member.who.ticket == ticket).count();
        let full = if self.members.len() >= clients {
            Some(Full::Clients(clients))
        } else {
            (with_it >= of_ticket).then_some(Full::OfTicket(of_ticket))
        };
        if let Some(full) = full {
            self.tally.refused += 1;
            return Err(full);
        }
        self.last += 1;
        self.tally.clients += 1;
        let who = Identity { number: self.last, ticket, is_operator };
        let is_announced = self.announce(&who, "has come", now);
        let member = Member {
            who: who.clone(),
            since: now,
            heard: now,
            presence: Presence::Here,
            outbox: Outbox::default(),
            is_announced,
            beats: false,
            breath: Breath::default(),
        };
        self.members.insert(who.number, member);
        if self.is_ending {
            self.leave(who.number, Leaving::ServerEnds, now);
        }
        Ok(who)
    }

    /// A client leaves, for a reason that it and the others are told. What waits for it still has to be written.
    pub fn leave(&mut self, number: Number, why: Leaving, now: Duration) {
        let Some(member) = self.members.get_mut(&number).filter(|member| member.is_here()) else { return };
        member.outbox.answer(format!("* {}\n", why.farewell()));
        let who = member.who.clone();
        let ends_all = why == Leaving::ServerEnds;
        let has_left = why.to_string();
        member.presence = Presence::Left(why);
        self.woken.insert(number);
        if !ends_all {
            self.announce(&who, &has_left, now);
        }
    }

    /// All has been written to a client that left, or it does not take it: it is forgotten.
    pub fn forget(&mut self, number: Number) {
        self.members.remove(&number);
        self.woken.remove(&number);
    }

    /// The server ends: all are told, and whoever still comes is told and leaves.
    pub fn end(&mut self, now: Duration) {
        self.is_ending = true;
        let all: Vec<_> = self.members.keys().copied().collect();
        for number in all {
            self.leave(number, Leaving::ServerEnds, now);
        }
    }

    /// A line has come from a client: it is there.
    pub fn heard(&mut self, number: Number, now: Duration) {
        if let Some(member) = self.members.get_mut(&number) {
            member.heard = now;
            self.chatter.spend(&member.who, chatter::A_LINE, now);
        }
    }

    /// A client says that it is there, and wants to know the same: it is held to that from now on.
    pub fn beat(&mut self, number: Number) {
        if let Some(member) = self.members.get_mut(&number) {
            member.beats = true;
            self.answer(number, format!("{}\n", crate::BEAT));
        }
    }

    /// Lets those go that have been silent for too long, and tells what was held back, which it also returns. To be called every second
    /// or so.
    pub fn sweep(&mut self, now: Duration) -> Vec<String> {
        let limits = self.limits;
        let gone = |member: &Member| {
            let silent = member.silent_for(now);
            let most = if member.beats { limits.silence } else { limits.idle };
            (member.is_here() && silent >= most).then_some((member.who.number, silent))
        };
        let gone: Vec<_> = self.members.values().filter_map(gone).collect();
        for (number, silent) in gone {
            self.leave(number, Leaving::Silent(silent), now);
        }
        let told = self.chatter.sweep(now).into_iter().map(|(label, untold)| {
            let sum = format!("{label} has come and left {untold} times more in the last seconds");
            self.tell_all(&format!("* {sum}\n"), None);
            sum
        });
        told.collect()
    }

    /// A client says something, which all get to see. If it says much, it [waits](Room::waits).
    pub fn say(&mut self, number: Number, text: &str, now: Duration) {
        let Some(member) = self.members.get(&number) else { return };
        let line = format!("<{}> {text}\n", member.who);
        self.chatter.spend(&member.who, chatter::A_TEXT, now);
        self.tally.said += 1;
        self.tell_all(&line, Some(number));
        self.answer(number, line);
        self.breathe(number, now);
    }

    /// A client says something to some others.
    pub fn tell(&mut self, number: Number, to: &[Number], text: &str, now: Duration) {
        let Some(member) = self.members.get(&number) else { return };
        let line: Arc<str> = format!("<{} to you> {text}\n", member.who).into();
        self.chatter.spend(&member.who, chatter::A_TEXT, now);
        self.tally.said += 1;
        let mut missed = 0_usize;
        for to in to {
            missed += usize::from(!self.tell_one(*to, &line));
        }
        let names: Vec<_> =
            to.iter().filter_map(|to| self.members.get(to)).map(|to| to.who.to_string()).collect();
        let mut answer = format!("told {}\n", names.join(", "));
        if missed > 0 {
            answer.push_str(&format!("error: {missed} of them read too slowly, and will miss it\n"));
        }
        self.answer(number, answer);
        self.breathe(number, now);
    }

    /// Lets a client go that says too much for too long. What it has sent waits before the end of its stream: it would be heard long after
    /// it is gone, or its ticket revoked.
    fn breathe(&mut self, number: Number, now: Duration) {
        if self.members.get_mut(&number).is_some_and(|member| !member.breath.lasts(now)) {
            self.leave(number, Leaving::Floods, now);
        }
    }

    /// A client has had something looked for that takes time of all.
    pub fn has_searched(&mut self, number: Number, now: Duration) {
        if let Some(member) = self.members.get(&number) {
            self.chatter.spend(&member.who, chatter::A_TEXT, now);
        }
    }

    /// Until when a client's lines are not read, as it has said much.
    pub fn waits(&self, number: Number, now: Duration) -> Option<Duration> {
        self.chatter.waits(&self.members.get(&number)?.who, now)
    }

    /// Answers a client.
    pub fn answer(&mut self, number: Number, text: impl Into<Arc<str>>) {
        if let Some(member) = self.members.get_mut(&number) {
            member.outbox.answer(text);
            self.woken.insert(number);
        }
    }

    /// A line has come that is counted, and whether it could be understood.
    pub fn count_line(&mut self, is_fault: bool) {
        self.tally.lines += 1;
        self.tally.faults += u64::from(is_fault);
    }

    /// What was counted.
    pub fn tally(&self) -> Tally {
        self.tally
    }

    /// Those who are here, in the order in which they came.
    pub fn here(&self) -> impl Iterator<Item = &Member> {
        self.members.values().filter(|member| member.is_here())
    }

    /// A member, also one that has left and is not forgotten yet.
    pub fn member(&mut self, number: Number) -> Option<&mut Member> {
        self.members.get_mut(&number)
    }

    /// Those who are meant by a word: `shed#2`, `#2`, `2`, or `shed`, who may be several.
    pub fn named(&self, word: &str) -> Vec<Number> {
        let bare = word.strip_prefix('#').unwrap_or(word);
        let is_meant = |member: &&Member| {
            let who = &member.who;
            who.to_string() == word || bare == who.number.to_string() || who.ticket.as_deref() == Some(word)
        };
        self.here().filter(is_meant).map(|member| member.who.number).collect()
    }

    /// Those for whom something has changed since this was asked last.
    pub fn woken(&mut self) -> BTreeSet<Number> {
        std::mem::take(&mut self.woken)
    }

    /// How many are here, or have not been forgotten.
    pub fn len(&self) -> usize {
        self.members.len()
    }

    /// Whether nobody is.
    pub fn is_empty(&self) -> bool {
        self.members.is_empty()
    }

    /// Tells the others that somebody has come or left, if there was not too much of that.
    fn announce(&mut self, who: &Identity, what: &str, now: Duration) -> bool {
        let may = self.chatter.may_announce(who, now);
        if may {
            self.tell_all(&format!("* {who} {what}\n"), Some(who.number));
        }
        may
    }

    fn tell_all(&mut self, line: &str, but: Option<Number>) {
        let line: Arc<str> = line.into();
        let all: Vec<_> = self.here().map(|member| member.who.number).collect();
        for number in all.into_iter().filter(|number| Some(*number) != but) {
            self.tell_one(number, &line);
        }
    }

    /// False: there is no room for it.
    fn tell_one(&mut self, number: Number, line: &Arc<str>) -> bool {
        let Some(member) = self.members.get_mut(&number).filter(|member| member.is_here()) else {
            return false;
        };
        let told = member.outbox.tell(line);
        self.tally.missed += u64::from(!told);
        self.woken.insert(number);
        told
    }
}

impl Member {
    /// Whether it has not left.
    pub fn is_here(&self) -> bool {
        self.presence == Presence::Here
    }

    /// For how long nothing has come from it.
    pub fn silent_for(&self, now: Duration) -> Duration {
        now.saturating_sub(self.heard)
    }

    /// Whether it would have been heard by now if its network were well.
    pub fn is_missing(&self, now: Duration) -> bool {
        self.beats && self.silent_for(now) > crate::BEATS_EVERY * 3
    }
}

#[cfg(test)]
mod tests;
