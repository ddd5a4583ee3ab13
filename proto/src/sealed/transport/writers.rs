//! Writers that were told to wait for room, and when they are told that there is some.

use super::{Event, Transport};
use crate::sealed::frame::StreamId;
use std::collections::VecDeque;

/// Unsent bytes a stream may always have: a full batch for the socket.
const LEAST_UNSENT: u64 = 128 * 1024;

/// Unsent bytes a stream may have at the most: two batches for the socket. More would have left the processor's cache
/// when they are sealed (7 % of proxy1's time on loopback), and would only wait here for what TCP keeps as well.
const MOST_UNSENT: u64 = 256 * 1024;

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
}

impl Transport {
    /// How many bytes the application should write to the stream at the most, now. Zero: wait for
    /// [`super::Event::Writable`]. Half of the link's memory is for what is written and not acknowledged.
    pub fn room(&mut self, id: StreamId) -> usize {
        let (left, reserve, most) = (self.memory_left(), self.reserve_left(), self.most_unsent());
        let Some((key, stream, _)) = self.streams.find(id) else { return 0 };
        if !stream.takes_bytes() {
            return 0;
        }
        let own = usize::try_from(most.saturating_sub(stream.send.unsent())).unwrap_or(0);
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

    /// Bytes a stream may have unsent: more only adds delay, twice the window keeps the path busy over a wake-up.
    fn most_unsent(&self) -> u64 {
        (self.recovery.controller.window() * 2).clamp(LEAST_UNSENT, MOST_UNSENT)
    }

    /// Memory for everyone. The last quarter is for streams that hold nothing: so each of them always gets on.
    fn memory_left(&self) -> usize {
        (self.memory_for_each_way() / 4 * 3).saturating_sub(self.streams.pools.send.used())
    }

    /// Memory for one that holds nothing.
    fn reserve_left(&self) -> usize {
        let left = self.memory_for_each_way().saturating_sub(self.streams.pools.send.used());
        if left >= 2 * LEAST_ROOM { LEAST_ROOM } else { 0 }
    }

    /// Bytes of the stream left: its writer goes on where it waited for that.
    pub(super) fn sent_some(&mut self, key: usize) {
        let most = self.most_unsent();
        let Some((stream, _)) = self.streams.get(key) else { return };
        let listed = stream.wants.holding || stream.wants.empty;
        if stream.wants.room && !listed && stream.send.unsent() + LEAST_ROOM as u64 <= most {
            self.tell_writer(key);
        }
    }

    /// All of the stream's bytes have arrived: now the reserve is for it too.
    pub(super) fn holds_nothing(&mut self, key: usize) {
        if self.streams.get(key).is_some_and(|(stream, _)| stream.wants.room && stream.wants.holding) {
            self.list(key, true);
        }
    }

    /// Memory was freed: tells as many of the writers that wait for it as there is room for.
    pub(super) fn tell_writers(&mut self) {
        let mut left = self.memory_left();
        let mut reserve = self.memory_for_each_way().saturating_sub(self.streams.pools.send.used());
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
