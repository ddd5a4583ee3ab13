//! Writers that wait before they write on to their streams: what each of them waits for, and the queues they stand in.

use crate::sealed::streams::key_queue::{KeyQueue, QueueSlot};
use crate::time::Time;
use std::time::Duration;

/// How often a link whose writers wait for memory sees whether other links have given some back: nothing notifies it.
const ASK_BUDGET: Duration = Duration::from_millis(20);

/// What the writer of a stream waits for.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) enum Blocked {
    /// Nothing: there was room when it last asked, or it was notified that there is, or it has not asked yet.
    #[default]
    No,
    /// Nothing: its turn has come and it was notified, but has not asked since.
    Admitted,
    /// Bytes of its own have to leave first.
    Unsent,
    /// Flow control credit of the peer. Credit often comes before the turn does: who waits for both keeps its place among those
    /// that wait for their turn.
    Credit(Option<QueueSlot>),
    /// Its turn to write bulk.
    Turn(QueueSlot),
    /// Memory: it holds some already.
    Memory(QueueSlot),
    /// Memory: it holds none, so the reserve is for it.
    Reserve(QueueSlot),
}

/// Why there is no room for a writer at the moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum BlockedBy {
    /// Its own bytes that have not left.
    Unsent,
    /// The peer's flow control credit.
    Credit,
    /// That, and others whose turn to write bulk comes before.
    CreditAndTurn,
    /// Others whose turn to write bulk comes before.
    Turn,
    /// Want of memory, while it holds some.
    Memory,
    /// Want of memory, while it holds none.
    Reserve,
}

impl Blocked {
    /// Whether it stands among those that wait for their turn.
    pub(crate) const fn is_in_turn(&self) -> bool {
        matches!(self, Self::Turn(_) | Self::Credit(Some(_)))
    }
}

/// The queues of writers that wait. Nobody is looked at whose turn has not come: with a thousand writers each
/// acknowledgement would otherwise cost a thousand looks.
#[derive(Debug, Default)]
pub(crate) struct BlockedWriters {
    turn: KeyQueue,
    memory: KeyQueue,
    reserve: KeyQueue,
    /// Writers that were notified of their turn since packets were last made.
    admitted: usize,
    /// When to see whether other links have given memory back; `None` if nobody waits for that.
    ask_budget_at: Option<Time>,
}

impl BlockedWriters {
    /// The writer of the stream `key` waits. It keeps its place if it waited for the same before.
    pub(crate) fn wait(&mut self, key: usize, blocked: &mut Blocked, by: BlockedBy) {
        *blocked = match (by, std::mem::take(blocked)) {
            (BlockedBy::Turn, Blocked::Turn(slot) | Blocked::Credit(Some(slot))) => Blocked::Turn(slot),
            (BlockedBy::CreditAndTurn, Blocked::Turn(slot) | Blocked::Credit(Some(slot))) => {
                Blocked::Credit(Some(slot))
            }
            (BlockedBy::Memory, Blocked::Memory(slot)) => Blocked::Memory(slot),
            (BlockedBy::Reserve, Blocked::Reserve(slot)) => Blocked::Reserve(slot),
            (by, before) => {
                self.leave(&before);
                self.enter(key, by)
            }
        };
    }

    fn enter(&mut self, key: usize, by: BlockedBy) -> Blocked {
        match by {
            BlockedBy::Unsent => Blocked::Unsent,
            BlockedBy::Credit => Blocked::Credit(None),
            BlockedBy::CreditAndTurn => Blocked::Credit(Some(self.turn.push(key))),
            BlockedBy::Turn => Blocked::Turn(self.turn.push(key)),
            BlockedBy::Memory => Blocked::Memory(self.memory.push(key)),
            BlockedBy::Reserve => Blocked::Reserve(self.reserve.push(key)),
        }
    }

    fn leave(&mut self, blocked: &Blocked) {
        match *blocked {
            Blocked::Turn(slot) | Blocked::Credit(Some(slot)) => self.turn.remove(slot),
            Blocked::Memory(slot) => self.memory.remove(slot),
            Blocked::Reserve(slot) => self.reserve.remove(slot),
            Blocked::No | Blocked::Admitted | Blocked::Unsent | Blocked::Credit(None) => None,
        };
    }

    /// The writer does not wait any more, or its stream is gone.
    pub(crate) fn release(&mut self, blocked: &mut Blocked) {
        self.leave(&std::mem::take(blocked));
    }

    /// Whether somebody waits for a turn to write bulk.
    pub(crate) fn has_turns(&self) -> bool {
        !self.turn.is_empty()
    }

    /// The stream whose turn to write is next; it waits no more, which its [`Blocked`] has to say.
    pub(crate) fn pop_turn(&mut self) -> Option<usize> {
        self.turn.pop()
    }

    /// The next stream that waits for the reserve, in the same way.
    pub(crate) fn pop_reserve(&mut self) -> Option<usize> {
        self.reserve.pop()
    }

    /// The next stream that waits for memory while it holds some, in the same way.
    pub(crate) fn pop_memory(&mut self) -> Option<usize> {
        self.memory.pop()
    }

    /// Writers that were notified of their turn since packets were last made.
    pub(crate) const fn admitted(&self) -> usize {
        self.admitted
    }

    /// Counts one more writer that was notified.
    pub(crate) const fn on_admitted(&mut self) {
        self.admitted += 1;
    }

    /// Packets are made of what the notified writers have written: the count begins again.
    pub(crate) const fn on_packet(&mut self) {
        self.admitted = 0;
    }

    /// When [`BlockedWriters::asks_budget`] is true.
    pub(crate) fn ask_budget_at(&self) -> Time {
        self.ask_budget_at.unwrap_or(Time::NEVER)
    }

    /// Whether it is time to see whether other links have given memory back.
    pub(crate) fn asks_budget(&mut self, now: Time) -> bool {
        self.ask_budget_at.take_if(|at| *at <= now).is_some()
    }

    /// If somebody waits for memory, of which other links have a part: that is seen again in a while.
    pub(crate) fn keep_asking_budget(&mut self, now: Time) {
        if !self.memory.is_empty() || !self.reserve.is_empty() {
            self.ask_budget_at.get_or_insert(now + ASK_BUDGET);
        }
    }

    /// Whether the streams with these keys say of themselves what the queues say of them.
    #[cfg(any(test, feature = "fuzzing"))]
    pub(crate) fn agrees_with<'a>(&self, streams: impl Iterator<Item = (usize, &'a Blocked)>) -> bool {
        let mut found = [0; 3];
        for (key, blocked) in streams {
            let (queue, slot, at) = match *blocked {
                Blocked::Turn(slot) | Blocked::Credit(Some(slot)) => (&self.turn, slot, 0),
                Blocked::Memory(slot) => (&self.memory, slot, 1),
                Blocked::Reserve(slot) => (&self.reserve, slot, 2),
                Blocked::No | Blocked::Admitted | Blocked::Unsent | Blocked::Credit(None) => continue,
            };
            if queue.at(slot) != Some(key) {
                return false;
            }
            found[at] += 1;
        }
        found == [self.turn.len(), self.memory.len(), self.reserve.len()]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Streams 0, 1 and 2 with their writers.
    #[derive(Debug, Default)]
    struct WaitingRoom {
        writers: BlockedWriters,
        blocked: [Blocked; 3],
    }

    impl WaitingRoom {
        fn wait(&mut self, key: usize, by: BlockedBy) {
            self.writers.wait(key, &mut self.blocked[key], by);
            self.assert_agreed();
        }

        fn release(&mut self, key: usize) {
            self.writers.release(&mut self.blocked[key]);
            self.assert_agreed();
        }

        fn assert_agreed(&self) {
            assert!(self.writers.agrees_with(self.blocked.iter().enumerate()), "{self:?}");
        }

        fn turns(&mut self) -> Vec<usize> {
            std::iter::from_fn(|| self.writers.pop_turn()).collect()
        }
    }

    #[test]
    fn who_waits_for_credit_and_a_turn_keeps_its_turn_when_credit_comes() {
        let mut room = WaitingRoom::default();
        room.wait(0, BlockedBy::CreditAndTurn);
        room.wait(1, BlockedBy::Turn);
        room.wait(0, BlockedBy::Turn);
        assert_eq!(room.turns(), [0, 1]);
    }

    #[test]
    fn who_asks_again_keeps_its_place() {
        let mut room = WaitingRoom::default();
        for key in [0, 1, 2, 0, 1] {
            room.wait(key, BlockedBy::Turn);
        }
        assert_eq!(room.turns(), [0, 1, 2]);
    }

    #[test]
    fn a_writer_stands_in_one_queue_at_a_time() {
        let mut room = WaitingRoom::default();
        room.wait(0, BlockedBy::Memory);
        room.wait(1, BlockedBy::Memory);
        room.wait(0, BlockedBy::Reserve);
        assert_eq!(room.writers.pop_memory(), Some(1), "the first holds nothing any more");
        room.blocked[1] = Blocked::No;
        room.wait(0, BlockedBy::Unsent);
        assert_eq!((room.writers.pop_reserve(), &room.blocked[0]), (None, &Blocked::Unsent));
    }

    #[test]
    fn a_writer_that_is_gone_is_nobodys_predecessor() {
        let mut room = WaitingRoom::default();
        for key in [0, 1, 2] {
            room.wait(key, BlockedBy::Turn);
        }
        room.release(0);
        room.wait(1, BlockedBy::Credit);
        assert_eq!(room.turns(), [2]);
        assert!(!room.writers.has_turns());
    }

    #[test]
    fn the_budget_is_asked_while_somebody_waits_for_memory() {
        let (mut room, now) = (WaitingRoom::default(), Time::ZERO);
        room.wait(0, BlockedBy::Turn);
        room.writers.keep_asking_budget(now);
        assert_eq!(room.writers.ask_budget_at(), Time::NEVER);
        room.wait(1, BlockedBy::Reserve);
        room.writers.keep_asking_budget(now);
        assert_eq!(room.writers.ask_budget_at(), now + ASK_BUDGET);
        assert!(!room.writers.asks_budget(now) && room.writers.asks_budget(now + ASK_BUDGET));
        assert!(!room.writers.asks_budget(now + ASK_BUDGET), "once");
    }
}
