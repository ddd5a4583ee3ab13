//! How much the application may write to a stream, and when a writer that has to wait is notified that there is room.
//!
//! What each waits for is its [`Blocked`]; here is decided why it waits, and who is notified of what has changed.

use super::{Event, Transport};
use crate::MAX_UDP_PAYLOAD;
use crate::sealed::recovery::pacing::{BATCH, batch_packets};
use crate::sealed::streams::blocked::{Blocked, BlockedBy};
use crate::sealed::streams::budget::FLOOR;
use crate::sealed::streams::stream::Stream;
use crate::sealed::streams::window;
use crate::sealed::wire::frame::{self, StreamId};
use crate::sealed::wire::packet::OVERHEAD;
use crate::sealed::wire::varint;
use crate::time::Time;

/// Unsent bytes a stream may always have, about: a full batch for the socket. See [`one_batch`].
const LEAST_UNSENT: u64 = BATCH;

/// Bytes beside a stream's in a batch: an acknowledgement, credit, floors.
const OTHERS: u64 = 128;

/// Bytes of a stream that leave in one batch whatever else does, in packets of `mtu` bytes of UDP payload. With a little more the rest
/// is a send of its own, and at the other end often a turn, an acknowledgement and a write to TCP of its own.
fn one_batch(mtu: u64) -> u64 {
    /// The largest head of a data frame.
    const HEAD: usize = frame::data_header_size(StreamId(varint::MAX), varint::MAX, MAX_UDP_PAYLOAD);
    let room = mtu.saturating_sub((OVERHEAD + HEAD) as u64);
    (batch_packets(mtu) * room).saturating_sub(OTHERS).clamp(LEAST_ROOM as u64, LEAST_UNSENT)
}

/// Unsent bytes a stream may have at the most: four batches for the socket. More would have left the processor's cache
/// when they are sealed (7 % of proxy1's time on loopback), and would only wait here for what TCP keeps as well.
pub(super) const MOST_UNSENT: u64 = 256 * 1024;

/// Bulk streams that have something to send while others wait to be asked for theirs. A thousand that all read ahead hold
/// more than the processor's cache, each a little: what is read when its turn is near is read once, in one large piece.
/// This many, of [`LEAST_UNSENT`] each, keep the link busy until the next have been asked.
const MAX_ACTIVE_BULK: usize = 16;

/// Room smaller than this is not worth a read: it would make small packets.
const LEAST_ROOM: usize = 16 * 1024;

/// Where other links hold all that they share, what is left to a link must do for one read.
const _: () = assert!(FLOOR >= 2 * LEAST_ROOM as u64, "a link without memory of its own could never write");

/// What binds every writer of the link at the moment, in bytes.
#[derive(Clone, Copy, Debug)]
struct RoomLimits {
    /// Memory for everyone.
    memory: usize,
    /// Memory for one that holds nothing.
    reserve: usize,
    /// What one stream may have unsent.
    unsent: u64,
    /// What one stream may have waiting before the peer has given any credit.
    early: u64,
    /// What a bulk stream may write in its turn, where bulk takes turns.
    turn: Option<u64>,
}

impl Stream {
    /// How much the application may write now, or what it has to wait for.
    fn room(&mut self, now: Time, limits: &RoomLimits) -> Result<usize, BlockedBy> {
        let credit = self.credit_room(limits.early);
        if credit == 0 {
            let waits_for_turn = limits.turn.is_some() && self.blocked != Blocked::Admitted;
            return Err(if waits_for_turn { BlockedBy::CreditAndTurn } else { BlockedBy::Credit });
        }
        let share = limits.turn.map_or(Ok(u64::MAX), |quantum| self.turn_room(now, quantum))?;
        let own = limits.unsent.saturating_sub(self.send.unsent()).min(credit).min(share);
        let own = usize::try_from(own).unwrap_or(usize::MAX);
        let holds = self.send.held() > 0;
        let memory = if holds { limits.memory } else { limits.memory.max(limits.reserve) };
        // No less than a read is worth, or all that may leave.
        let worth = LEAST_ROOM.min(usize::try_from(credit).unwrap_or(LEAST_ROOM));
        if memory < worth {
            return Err(if holds { BlockedBy::Memory } else { BlockedBy::Reserve });
        }
        if own < worth { Err(BlockedBy::Unsent) } else { Ok(own.min(memory)) }
    }

    /// Bytes that the application may write now so that they can leave. What could not leave would be held here for as long
    /// as the peer's reader is stuck, while TCP can hold it as well.
    ///
    /// Little credit is waited for to become more, unless the peer will not say more before it gets what it takes. Before the
    /// handshake one `early` read is let through, so that it leaves with the frame that opens the stream.
    fn credit_room(&self, early: u64) -> u64 {
        let has_nothing_unacked = self.send.held() == 0;
        if self.opening.is_unheard() && self.first.is_none() {
            return if has_nothing_unacked { early } else { 0 };
        }
        let left = self.send.credit_left();
        if has_nothing_unacked || left >= LEAST_ROOM as u64 { left } else { 0 }
    }

    /// What the stream may write where bulk takes turns of `quantum` bytes.
    fn turn_room(&mut self, now: Time, quantum: u64) -> Result<u64, BlockedBy> {
        if self.blocked == Blocked::Admitted {
            self.turn.waited(now);
            return Ok(quantum);
        }
        let is_bulk = self.blocked.is_in_turn() || self.send.unsent() >= LEAST_ROOM as u64;
        if is_bulk || !self.turn.is_quiet(now) {
            return Err(BlockedBy::Turn);
        }
        // Who has sent nothing yet may be bulk: one read, and no more before its turn.
        Ok(LEAST_ROOM as u64)
    }
}

impl Transport {
    /// How many bytes the application should write to the stream at the most, now. Zero: its writer is noted down as
    /// waiting, and [`super::Event::Writable`] follows when there is room.
    pub fn poll_room(&mut self, now: Time, id: StreamId) -> usize {
        let limits = self.room_limits();
        let Some((key, stream, _)) = self.streams.find(id).filter(|(_, stream, _)| stream.takes_bytes())
        else {
            return 0;
        };
        match stream.room(now, &limits) {
            Ok(room) => {
                self.writers.release(&mut stream.blocked);
                room
            }
            Err(by) => {
                self.writers.wait(key, &mut stream.blocked, by);
                self.keep_asking_budget(now);
                0
            }
        }
    }

    fn room_limits(&self) -> RoomLimits {
        RoomLimits {
            memory: self.memory_left(),
            reserve: self.reserve_left(),
            unsent: self.most_unsent(),
            early: self.early_room(),
            turn: self.bulk_takes_turns().then(|| self.schedule.quantum()),
        }
    }

    /// What one stream may have waiting before the peer has given any credit, in bytes: of a crowd little, for only little
    /// of it will be able to leave.
    fn early_room(&self) -> u64 {
        if self.streams.len() <= MAX_ACTIVE_BULK { LEAST_ROOM as u64 } else { window::LEAST }
    }

    /// Bytes a stream may have unsent: enough to keep the path busy over a wake-up. More only adds delay, and with a
    /// thousand links leaves the cache before it is sealed (a tenth of their CPU). Many share what [`MAX_ACTIVE_BULK`] of
    /// them may have.
    fn most_unsent(&self) -> u64 {
        let share = MAX_ACTIVE_BULK as u64 * LEAST_UNSENT / (self.schedule.len() as u64 + 1);
        share.max(LEAST_UNSENT).min(self.unsent_limit)
    }

    /// Whether who has much to write must wait until it is asked for.
    fn bulk_takes_turns(&self) -> bool {
        self.writers.has_turns() || self.schedule.len() >= MAX_ACTIVE_BULK
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

    // What changes, and who is notified of it.

    /// The window of the path may have changed.
    pub(super) fn take_window(&mut self) {
        let window = self.recovery.controller().cwnd();
        let batch = one_batch(u64::from(self.mtu.current()));
        let batches = self.recovery.controller().ready() / batch;
        self.unsent_limit = (batches.max(1).saturating_mul(batch)).min(MOST_UNSENT);
        self.schedule.set_window(window);
    }

    /// The peer takes more bytes of a stream, or has all that was sent.
    pub(super) fn on_credit(&mut self, key: usize) {
        let (turns, early) = (self.bulk_takes_turns(), self.early_room());
        let Some((stream, _)) = self.streams.get(key) else { return };
        if !matches!(stream.blocked, Blocked::Credit(_)) || stream.credit_room(early) == 0 {
            return;
        }
        if turns {
            self.writers.wait(key, &mut stream.blocked, BlockedBy::Turn);
        } else {
            self.writers.release(&mut stream.blocked);
            self.notify_writer(key, Blocked::No);
        }
    }

    /// Bytes of the stream left: its writer goes on where it waited for that.
    pub(super) fn on_bytes_left(&mut self, key: usize) {
        let most = self.most_unsent();
        let Some((stream, _)) = self.streams.get(key) else { return };
        if stream.blocked == Blocked::Unsent && stream.send.unsent() + LEAST_ROOM as u64 <= most {
            self.notify_writer(key, Blocked::No);
        }
    }

    /// All of the stream's bytes have arrived: now the reserve is for it too.
    pub(super) fn on_holds_nothing(&mut self, key: usize) {
        self.on_credit(key);
        let Some((stream, _)) = self.streams.get(key) else { return };
        if matches!(stream.blocked, Blocked::Memory(_)) {
            self.writers.wait(key, &mut stream.blocked, BlockedBy::Reserve);
        }
    }

    /// Notifies as many of the writers that wait for their turn as streams have left the scheduler.
    pub(super) fn notify_turns(&mut self) {
        while self.schedule.len() + self.writers.admitted() < MAX_ACTIVE_BULK
            && let Some(key) = self.writers.pop_turn()
        {
            if self.notify_writer(key, Blocked::Admitted) {
                self.writers.on_admitted();
            }
        }
    }

    /// Memory was freed: notifies as many of the writers that wait for it as there is room for.
    pub(super) fn notify_memory(&mut self) {
        let (mut left, mut reserve) = (self.memory_left(), self.memory_unused());
        while reserve >= 2 * LEAST_ROOM
            && let Some(key) = self.writers.pop_reserve()
        {
            if self.notify_writer(key, Blocked::No) {
                reserve -= LEAST_ROOM;
                left = left.saturating_sub(LEAST_ROOM);
            }
        }
        while left >= LEAST_ROOM
            && let Some(key) = self.writers.pop_memory()
        {
            if self.notify_writer(key, Blocked::No) {
                left -= LEAST_ROOM;
            }
        }
    }

    /// Time passed: other links may have given memory back.
    pub(super) fn ask_budget_again(&mut self, now: Time) {
        if self.writers.asks_budget(now) {
            self.notify_memory();
            self.keep_asking_budget(now);
        }
    }

    /// Nothing notifies a link of memory that others give back: it has to look.
    fn keep_asking_budget(&mut self, now: Time) {
        if self.streams.send_share.budget().is_some() {
            self.writers.keep_asking_budget(now);
        }
    }

    /// Notifies the writer of a stream, which stands in no queue any more; false if it has nothing to write any more.
    fn notify_writer(&mut self, key: usize, blocked: Blocked) -> bool {
        let Some((stream, _)) = self.streams.get(key) else { return false };
        stream.blocked = blocked;
        let writes = stream.takes_bytes();
        if writes {
            self.events.push_back(Event::Writable(stream.id));
        }
        writes
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_batch_is_one_send_whatever_the_heads_and_nearly_a_full_one() {
        for mtu in [64, 576, 1_200, 1_472, 8_972, 65_507] {
            let (packets, bytes) = (batch_packets(mtu), one_batch(mtu));
            assert!(packets * mtu <= MAX_UDP_PAYLOAD as u64, "{mtu}");
            let least = (packets * mtu * 9 / 10).max(LEAST_ROOM as u64);
            assert!(bytes <= LEAST_UNSENT && (mtu < 1_200 || bytes >= least), "{mtu}: {bytes} bytes");
        }
        // With heads of this size for a stream of some GB: 44 packets in all, and an acknowledgement in one of them.
        let room = 1_472 - OVERHEAD as u64 - 21;
        assert_eq!((batch_packets(1_472), (one_batch(1_472) + OTHERS).div_ceil(room)), (44, 44));
    }
}
