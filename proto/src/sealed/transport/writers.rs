//! Writers that were told to wait for room, and when they are told that there is some.

use super::{Event, Transport};
use crate::sealed::recovery::pacing::BATCH;
use crate::sealed::streams::budget::FLOOR;
use crate::sealed::streams::stream::Stream;
use crate::sealed::streams::window;
use crate::sealed::wire::frame::StreamId;
use crate::time::Time;
use std::collections::VecDeque;
use std::time::Duration;

/// Unsent bytes a stream may always have: a full batch for the socket.
const LEAST_UNSENT: u64 = BATCH;

/// Unsent bytes a stream may have at the most: two batches for the socket. More would have left the processor's cache
/// when they are sealed (7 % of proxy1's time on loopback), and would only wait here for what TCP keeps as well.
pub(super) const MOST_UNSENT: u64 = 256 * 1024;

/// Bulk streams that have something to send while others wait to be asked for theirs. A thousand that all read ahead hold
/// more than the processor's cache, each a little: what is read when its turn is near is read once, in one large piece.
/// This many, of [`LEAST_UNSENT`] each, keep the link busy until the next have been asked.
const CROWD: usize = 16;

/// Room smaller than this is not worth a read: it would make small packets.
const LEAST_ROOM: usize = 16 * 1024;

/// Where other links hold all that they share, what is left to a link must do for one read.
const _: () = assert!(FLOOR >= 2 * LEAST_ROOM as u64, "a link without memory of its own could never write");

/// Streams that wait for memory, in the order they asked in. Nobody is looked at whose turn has not come: with a thousand
/// writers each acknowledgement would otherwise cost a thousand looks.
#[derive(Debug, Default)]
pub(super) struct BlockedWriters {
    /// Those that hold bytes already.
    holding: VecDeque<usize>,
    /// Those that hold none, which the reserve is for.
    empty: VecDeque<usize>,
    /// Bulk streams whose turn to write has not come.
    turn: VecDeque<usize>,
    /// Streams that were told that it has come, since packets were last made.
    told: usize,
    /// When to see whether other links have given memory back; `None` if nobody waits for that.
    ask_budget_at: Option<Time>,
}

/// How often a link whose writers wait sees whether other links have given memory back: nothing tells it.
const ASK_BUDGET: Duration = Duration::from_millis(20);

impl BlockedWriters {
    /// When [`Transport::handle_timeout`] has to see whether other links have given memory back.
    pub(super) fn asks_budget_at(&self) -> Time {
        self.ask_budget_at.unwrap_or(Time::NEVER)
    }
}

impl Stream {
    /// Bytes that the application may write now so that they can leave. What could not leave would be held here for as long
    /// as the peer's reader is stuck, while TCP can hold it as well.
    ///
    /// Little credit is waited for to become more, unless the peer will not say more before it gets what it takes. Before the
    /// handshake one `early` read is let through, so that it leaves with the frame that opens the stream.
    fn credit_room(&self, early: u64) -> u64 {
        let rested = self.send.held() == 0;
        if self.open_frame.is_pending() && self.first.is_none() {
            return if rested { early } else { 0 };
        }
        let left = self.send.credit_left();
        if rested || left >= LEAST_ROOM as u64 { left } else { 0 }
    }
}

impl Transport {
    /// How many bytes the application should write to the stream at the most, now. Zero: wait for
    /// [`super::Event::Writable`].
    pub fn room(&mut self, id: StreamId) -> usize {
        let (left, reserve, most) = (self.memory_left(), self.reserve_left(), self.most_unsent());
        let (crowd, quantum, now) = (self.is_crowded(), self.schedule.quantum(), self.seen_at);
        let early = self.early_room();
        let Some((key, stream, _)) = self.streams.find(id) else { return 0 };
        if !stream.takes_bytes() {
            return 0;
        }
        let told = std::mem::take(&mut stream.blocked.told);
        let credit = stream.credit_room(early);
        if credit == 0 {
            (stream.blocked.room, stream.blocked.credit) = (true, true);
            // Credit often comes before the turn does; who waits for both keeps its place.
            if crowd && !told {
                self.list_turn(key);
            }
            return 0;
        }
        let mut own = most.saturating_sub(stream.send.unsent()).min(credit);
        let full = stream.send.unsent() >= LEAST_ROOM as u64;
        if crowd && (told || stream.blocked.turn || full || !stream.turn.is_quiet(now)) {
            stream.blocked.room = true;
            if !told {
                self.list_turn(key);
                return 0;
            }
            own = own.min(quantum);
            stream.turn.waited(now);
        } else if crowd {
            // Who has sent nothing yet may be bulk: one read, and no more before its turn.
            own = own.min(LEAST_ROOM as u64);
        }
        // No less than a read is worth, or all that may leave.
        let worth = LEAST_ROOM.min(usize::try_from(credit).unwrap_or(LEAST_ROOM));
        let own = usize::try_from(own).unwrap_or(0);
        let empty = stream.send.held() == 0;
        let memory = left.max(if empty { reserve } else { 0 });
        stream.blocked.room = own.min(memory) < worth;
        if !stream.blocked.room {
            return own.min(memory);
        }
        if memory < worth {
            self.list(key, empty);
        }
        0
    }

    /// What one stream may have waiting before the peer has given any credit, in bytes: of a crowd little, for only little
    /// of it will be able to leave.
    fn early_room(&self) -> u64 {
        if self.streams.len() <= CROWD { LEAST_ROOM as u64 } else { window::LEAST }
    }

    /// Lists a stream among those that wait for their turn.
    fn list_turn(&mut self, key: usize) {
        let Some((stream, _)) = self.streams.get(key) else { return };
        if !std::mem::replace(&mut stream.blocked.turn, true) {
            self.waiting.turn.push_back(key);
        }
    }

    /// The peer takes more bytes of a stream, or has all that was sent.
    pub(super) fn came_closer(&mut self, key: usize) {
        let (crowd, early) = (self.is_crowded(), self.early_room());
        let Some((stream, _)) = self.streams.get(key) else { return };
        if !stream.blocked.credit || stream.credit_room(early) == 0 {
            return;
        }
        stream.blocked.credit = false;
        if crowd {
            self.list_turn(key);
        } else {
            self.tell_writer(key);
        }
    }

    fn list(&mut self, key: usize, empty: bool) {
        let Some((stream, _)) = self.streams.get(key) else { return };
        let (listed, list) = match empty {
            true => (&mut stream.blocked.empty, &mut self.waiting.empty),
            false => (&mut stream.blocked.holding, &mut self.waiting.holding),
        };
        if !std::mem::replace(listed, true) {
            list.push_back(key);
        }
        if self.streams.send_share.budget().is_some() {
            self.waiting.ask_budget_at.get_or_insert(self.seen_at + ASK_BUDGET);
        }
    }

    /// Bytes a stream may have unsent: enough to keep the path busy over a wake-up. More only adds delay, and with a
    /// thousand links leaves the cache before it is sealed (a tenth of their CPU). Many share what [`CROWD`] of them may
    /// have.
    fn most_unsent(&self) -> u64 {
        let share = CROWD as u64 * LEAST_UNSENT / (self.schedule.len() as u64 + 1);
        share.max(LEAST_UNSENT).min(self.unsent_limit)
    }

    /// The window of the path may have changed.
    pub(super) fn take_window(&mut self) {
        let window = self.recovery.controller.cwnd();
        self.unsent_limit = self.recovery.controller.ready().clamp(LEAST_UNSENT, MOST_UNSENT);
        self.schedule.set_window(window);
    }

    /// Whether who has much to write must wait until it is asked for.
    fn is_crowded(&self) -> bool {
        !self.waiting.turn.is_empty() || self.schedule.len() >= CROWD
    }

    /// Tells as many of the streams that wait for their turn as have left the scheduler.
    pub(super) fn tell_turns(&mut self) {
        while self.schedule.len() + self.waiting.told < CROWD
            && let Some(key) = self.waiting.turn.pop_front()
        {
            let Some((stream, _)) = self.streams.get(key) else { continue };
            if std::mem::take(&mut stream.blocked.turn) {
                stream.blocked.told = true;
                self.waiting.told += usize::from(self.tell_writer(key));
            }
        }
    }

    /// Packets are made of what those who were told have written.
    pub(super) const fn turns_taken(&mut self) {
        self.waiting.told = 0;
    }

    /// Memory that nobody's bytes are in, here or on other links.
    fn memory_unused(&self) -> usize {
        let free = usize::try_from(self.streams.send_share.free()).unwrap_or(usize::MAX);
        free.saturating_add(self.streams.pools.send.spare())
    }

    /// Memory for everyone. The last quarter is for streams that hold nothing: so each of them always gets on.
    fn memory_left(&self) -> usize {
        let (limit, written) = (self.streams.send_share.limit(), self.streams.pools.send.used());
        let own = (limit / 4 * 3).saturating_sub(written as u64);
        self.memory_unused().min(usize::try_from(own).unwrap_or(usize::MAX))
    }

    /// Memory for one that holds nothing.
    fn reserve_left(&self) -> usize {
        if self.memory_unused() >= 2 * LEAST_ROOM { LEAST_ROOM } else { 0 }
    }

    /// Time passed: other links may have given memory back.
    pub(super) fn ask_budget_again(&mut self, now: Time) {
        if self.waiting.ask_budget_at.is_some_and(|at| at <= now) {
            self.waiting.ask_budget_at = None;
            self.tell_writers();
        }
        let waits = !self.waiting.holding.is_empty() || !self.waiting.empty.is_empty();
        if waits && self.waiting.ask_budget_at.is_none() && self.streams.send_share.budget().is_some() {
            self.waiting.ask_budget_at = Some(now + ASK_BUDGET);
        }
    }

    /// Bytes of the stream left: its writer goes on where it waited for that.
    pub(super) fn sent_some(&mut self, key: usize) {
        let most = self.most_unsent();
        let Some((stream, _)) = self.streams.get(key) else { return };
        let wants = stream.blocked;
        let listed = wants.holding || wants.empty || wants.turn || wants.credit;
        if stream.blocked.room && !listed && stream.send.unsent() + LEAST_ROOM as u64 <= most {
            self.tell_writer(key);
        }
    }

    /// All of the stream's bytes have arrived: now the reserve is for it too.
    pub(super) fn holds_nothing(&mut self, key: usize) {
        self.came_closer(key);
        if self.streams.get(key).is_some_and(|(stream, _)| stream.blocked.room && stream.blocked.holding) {
            self.list(key, true);
        }
    }

    /// Memory was freed: tells as many of the writers that wait for it as there is room for.
    pub(super) fn tell_writers(&mut self) {
        let (mut left, mut reserve) = (self.memory_left(), self.memory_unused());
        while reserve >= 2 * LEAST_ROOM
            && let Some(key) = self.waiting.empty.pop_front()
        {
            let told =
                self.streams.get(key).is_some_and(|(stream, _)| std::mem::take(&mut stream.blocked.empty));
            if told && self.tell_writer(key) {
                reserve -= LEAST_ROOM;
                left = left.saturating_sub(LEAST_ROOM);
            }
        }
        while left >= LEAST_ROOM
            && let Some(key) = self.waiting.holding.pop_front()
        {
            let told =
                self.streams.get(key).is_some_and(|(stream, _)| std::mem::take(&mut stream.blocked.holding));
            if told && self.tell_writer(key) {
                left -= LEAST_ROOM;
            }
        }
    }

    /// Tells the writer of a stream that waits; false if it does not any more.
    fn tell_writer(&mut self, key: usize) -> bool {
        let Some((stream, _)) = self.streams.get(key) else { return false };
        let waits = std::mem::take(&mut stream.blocked.room) && stream.takes_bytes();
        if waits {
            self.events.push_back(Event::Writable(stream.id));
        }
        waits
    }
}
