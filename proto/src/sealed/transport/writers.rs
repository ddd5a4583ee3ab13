//! Writers that were told to wait for room, and when they are told that there is some.

use super::{Event, Transport};
use crate::sealed::frame::StreamId;
use crate::sealed::pacing::BATCH;
use crate::sealed::streams::Stream;
use std::collections::VecDeque;

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

/// Streams that wait for memory, in the order they asked in. Nobody is looked at whose turn has not come: with a thousand
/// writers each acknowledgement would otherwise cost a thousand looks.
#[derive(Debug, Default)]
pub(super) struct Waiting {
    /// Those that hold bytes already.
    holding: VecDeque<usize>,
    /// Those that hold none, which the reserve is for.
    empty: VecDeque<usize>,
    /// Bulk streams whose turn to write has not come.
    turn: VecDeque<usize>,
    /// Streams that were told that it has come, since packets were last made.
    told: usize,
}

/// What a stream waits for.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Wants {
    /// Room.
    room: bool,
    /// It stands in [`Waiting::holding`].
    holding: bool,
    /// It stands in [`Waiting::empty`].
    empty: bool,
    /// It stands in [`Waiting::turn`].
    turn: bool,
    /// It was told that its turn has come.
    told: bool,
    /// It waits for credit before it waits for its turn.
    credit: bool,
}

impl Stream {
    /// Whether a turn is worth it: the peer takes enough for a read, or it will not say more before it gets what it takes.
    fn has_credit(&self) -> bool {
        let least = if self.send.held() == 0 { 1 } else { LEAST_ROOM as u64 };
        self.send.credit_left() >= least
    }
}

impl Transport {
    /// How many bytes the application should write to the stream at the most, now. Zero: wait for
    /// [`super::Event::Writable`]. Half of the link's memory is for what is written and not acknowledged.
    pub fn room(&mut self, id: StreamId) -> usize {
        let (left, reserve, most) = (self.memory_left(), self.reserve_left(), self.most_unsent());
        let (crowd, quantum, now) = (self.is_crowded(), self.schedule.quantum(), self.seen_at);
        let Some((key, stream, _)) = self.streams.find(id) else { return 0 };
        if !stream.takes_bytes() {
            return 0;
        }
        let mut own = most.saturating_sub(stream.send.unsent());
        let told = std::mem::take(&mut stream.wants.told);
        let listed = stream.wants.turn || stream.wants.credit;
        let full = stream.send.unsent() >= LEAST_ROOM as u64;
        if crowd && (told || listed || full || !stream.turn.is_quiet(now)) {
            stream.wants.room = true;
            if !told || !stream.has_credit() {
                self.list_turn(key);
                return 0;
            }
            // No less than a read is worth: nothing that is yet to happen would tell who is left with less.
            own = own.min(stream.send.credit_left().max(LEAST_ROOM as u64)).min(quantum);
            stream.turn.waited(now);
        } else {
            stream.wants.credit = false;
            // Who has sent nothing yet may be bulk: one read, and no more before its turn.
            own = if crowd { own.min(LEAST_ROOM as u64) } else { own };
        }
        let own = usize::try_from(own).unwrap_or(0);
        let empty = stream.send.held() == 0;
        let memory = left.max(if empty { reserve } else { 0 });
        stream.wants.room = own.min(memory) < LEAST_ROOM;
        if !stream.wants.room {
            return own.min(memory);
        }
        if memory < LEAST_ROOM {
            self.list(key, empty);
        }
        0
    }

    /// Lists a stream among those that wait for their turn, once it has credit for a turn that is worth it: what is read
    /// and cannot be sent would leave in small pieces, as credit comes.
    fn list_turn(&mut self, key: usize) {
        let Some((stream, _)) = self.streams.get(key) else { return };
        stream.wants.credit = !stream.has_credit();
        if !stream.wants.credit && !std::mem::replace(&mut stream.wants.turn, true) {
            self.waiting.turn.push_back(key);
        }
    }

    /// The peer takes more bytes of a stream, or has all that was sent.
    pub(super) fn came_closer(&mut self, key: usize) {
        if self.streams.get(key).is_some_and(|(stream, _)| stream.wants.credit) {
            self.list_turn(key);
        }
    }

    fn list(&mut self, key: usize, empty: bool) {
        let Some((stream, _)) = self.streams.get(key) else { return };
        let (listed, list) = match empty {
            true => (&mut stream.wants.empty, &mut self.waiting.empty),
            false => (&mut stream.wants.holding, &mut self.waiting.holding),
        };
        if !std::mem::replace(listed, true) {
            list.push_back(key);
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
        let window = self.recovery.controller.window();
        self.unsent_limit = self.recovery.controller.ready().clamp(LEAST_UNSENT, MOST_UNSENT);
        self.schedule.set_window(window);
    }

    /// Whether who has much to write must wait until it is asked for.
    fn is_crowded(&self) -> bool {
        !self.waiting.turn.is_empty() || self.schedule.len() >= CROWD
    }

    /// Tells as many of the streams that wait for their turn as have left the schedule.
    pub(super) fn tell_turns(&mut self) {
        while self.schedule.len() + self.waiting.told < CROWD
            && let Some(key) = self.waiting.turn.pop_front()
        {
            let Some((stream, _)) = self.streams.get(key) else { continue };
            if std::mem::take(&mut stream.wants.turn) {
                stream.wants.told = true;
                self.waiting.told += usize::from(self.tell_writer(key));
            }
        }
    }

    /// Packets are made of what those who were told have written.
    pub(super) const fn turns_taken(&mut self) {
        self.waiting.told = 0;
    }

    /// Memory that nobody's bytes are in.
    fn memory_unused(&self) -> usize {
        self.memory_for_each_way().saturating_sub(self.streams.pools.send.used())
    }

    /// Memory for everyone. The last quarter is for streams that hold nothing: so each of them always gets on.
    fn memory_left(&self) -> usize {
        (self.memory_for_each_way() / 4 * 3).saturating_sub(self.streams.pools.send.used())
    }

    /// Memory for one that holds nothing.
    fn reserve_left(&self) -> usize {
        if self.memory_unused() >= 2 * LEAST_ROOM { LEAST_ROOM } else { 0 }
    }

    /// Bytes of the stream left: its writer goes on where it waited for that.
    pub(super) fn sent_some(&mut self, key: usize) {
        let most = self.most_unsent();
        let Some((stream, _)) = self.streams.get(key) else { return };
        let wants = stream.wants;
        let listed = wants.holding || wants.empty || wants.turn || wants.credit;
        if stream.wants.room && !listed && stream.send.unsent() + LEAST_ROOM as u64 <= most {
            self.tell_writer(key);
        }
    }

    /// All of the stream's bytes have arrived: now the reserve is for it too.
    pub(super) fn holds_nothing(&mut self, key: usize) {
        self.came_closer(key);
        if self.streams.get(key).is_some_and(|(stream, _)| stream.wants.room && stream.wants.holding) {
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
                self.streams.get(key).is_some_and(|(stream, _)| std::mem::take(&mut stream.wants.empty));
            if told && self.tell_writer(key) {
                reserve -= LEAST_ROOM;
                left = left.saturating_sub(LEAST_ROOM);
            }
        }
        while left >= LEAST_ROOM
            && let Some(key) = self.waiting.holding.pop_front()
        {
            let told =
                self.streams.get(key).is_some_and(|(stream, _)| std::mem::take(&mut stream.wants.holding));
            if told && self.tell_writer(key) {
                left -= LEAST_ROOM;
            }
        }
    }

    /// Tells the writer of a stream that waits; false if it does not any more.
    fn tell_writer(&mut self, key: usize) -> bool {
        let Some((stream, _)) = self.streams.get(key) else { return false };
        let waits = std::mem::take(&mut stream.wants.room) && stream.takes_bytes();
        if waits {
            self.events.push_back(Event::Writable(stream.id));
        }
        waits
    }
}
