//! What the cores of the links have counted, as counters of the table.

use proto::classic::{Counters as Table, Drops};
use proto::sealed::link::DropCounts;
use proto::sealed::transport::Counts;
use proto::sealed::transport::datagrams::DatagramCounts;
use proto::sealed::wire::frame::ResetCode;

use super::Counters;

impl Counters {
    /// The counter of streams that were reset with this code.
    pub(crate) const fn reset_with(&mut self, code: ResetCode) -> &mut u64 {
        match code {
            ResetCode::Reset | ResetCode::Unknown(_) => &mut self.streams_reset,
            ResetCode::Refused => &mut self.targets_refused,
            ResetCode::Unreachable => &mut self.targets_unreachable,
            ResetCode::TimedOut => &mut self.targets_timed_out,
            ResetCode::Forbidden => &mut self.streams_forbidden,
            ResetCode::Limit => &mut self.streams_over_limit,
            ResetCode::Idle => &mut self.streams_idle,
        }
    }

    /// Sets what a classic table has counted so far.
    pub(crate) const fn set_table(&mut self, table: &Table) {
        // By name and in full, so that a count that is added there cannot be forgotten here.
        let Table { received, begun, opened, closed, all_busy, refused, abandoned, no_answer, .. } = *table;
        self.datagrams_received = received;
        (self.streams_begun, self.streams_opened, self.streams_ended) = (begun, opened, closed);
        (self.streams_refused, self.clients_refused_busy) = (refused, all_busy);
        self.clients_refused_no_answer = no_answer;
        self.streams_abandoned = abandoned.saturating_sub(no_answer);
        let Table { repeats_sent, repeats_received, strays_answered, unanswered, .. } = *table;
        (self.opens_resent, self.opens_repeated) = (repeats_sent, repeats_received);
        (self.strays_answered, self.answers_suppressed) = (strays_answered, unanswered);
        let Table { idle, unrested, two_digits, early_lost, drops, .. } = *table;
        (self.streams_idle, self.ids_unrested) = (idle, unrested);
        (self.ids_of_two_digits, self.early_lost_bytes) = (two_digits, early_lost);
        self.set_drops(&drops);
    }

    const fn set_drops(&mut self, drops: &Drops) {
        self.datagrams_empty = drops.empty;
        self.datagrams_unknown_kind = drops.unknown_kind;
        self.datagrams_without_id = drops.no_id;
        self.datagrams_bad_id = drops.bad_id;
        self.datagrams_wrong_role = drops.wrong_role;
        self.datagrams_not_open = drops.not_open;
        self.datagrams_stale = drops.stale;
        self.datagrams_too_early = drops.early_full;
        self.datagrams_surplus_peer = drops.too_many_peers;
    }
}

/// What the core of a sealed link had counted when it was last asked. A link that follows another begins at zero, the counters
/// do not.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct CoreCounts {
    packets: Counts,
    dropped: DropCounts,
    datagrams: DatagramCounts,
}

impl CoreCounts {
    /// Adds what is new.
    pub(crate) fn add_new(&mut self, packets: Counts, dropped: DropCounts, counters: &mut Counters) {
        let new = Self { packets, dropped, ..*self };
        let old = std::mem::replace(self, new);
        counters.packets_lost += growth(old.packets.lost, packets.lost);
        counters.packets_spurious += growth(old.packets.spurious, packets.spurious);
        counters.packets_marked += growth(old.packets.marked, packets.marked);
        counters.probe_timeouts += growth(old.packets.timeouts, packets.timeouts);
        counters.datagrams_malformed += growth(old.dropped.malformed, dropped.malformed);
        counters.datagrams_forged += growth(old.dropped.forged, dropped.forged);
        counters.datagrams_replayed += growth(old.dropped.replayed, dropped.replayed);
        counters.datagrams_unanswered += growth(old.dropped.unasked, dropped.unasked);
    }

    /// Adds what is new of the datagrams of flows.
    pub(crate) fn add_new_datagrams(&mut self, datagrams: DatagramCounts, counters: &mut Counters) {
        if datagrams == self.datagrams {
            return;
        }
        let old = std::mem::replace(&mut self.datagrams, datagrams);
        let DatagramCounts { sent, framed, received, lost, too_old, queue_full, .. } = datagrams;
        counters.flow_datagrams_sent += growth(old.sent, sent);
        counters.flow_datagrams_framed += growth(old.framed, framed);
        counters.flow_datagrams_received += growth(old.received, received);
        counters.flow_datagrams_lost += growth(old.lost, lost);
        counters.flow_datagrams_too_old += growth(old.too_old, too_old);
        counters.flow_datagrams_queue_full += growth(old.queue_full, queue_full);
        let DatagramCounts { too_large, unsent, not_open, not_flow, unread, malformed, .. } = datagrams;
        counters.flow_datagrams_too_large += growth(old.too_large, too_large);
        counters.flow_datagrams_unsent += growth(old.unsent, unsent);
        counters.flow_datagrams_not_open += growth(old.not_open, not_open);
        counters.flow_datagrams_wrong_stream += growth(old.not_flow, not_flow);
        counters.flow_datagrams_unread += growth(old.unread, unread);
        counters.flow_datagrams_malformed += growth(old.malformed, malformed);
    }
}

/// By how much a count has grown; one that is smaller has begun again.
fn growth(old: u64, new: u64) -> u64 {
    new.checked_sub(old).unwrap_or(new)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_link_that_follows_another_goes_on_with_its_counts() {
        let (mut core, mut counters) = (CoreCounts::default(), Counters::default());
        for lost in [3, 5, 0, 1] {
            core.add_new(Counts { lost, ..Counts::default() }, DropCounts::default(), &mut counters);
        }
        assert_eq!(counters.packets_lost, 6);
    }

    #[test]
    fn streams_without_an_answer_are_counted_once() {
        let mut counters = Counters::default();
        counters.set_table(&Table { abandoned: 4, no_answer: 3, ..Table::default() });
        assert_eq!((counters.streams_abandoned, counters.clients_refused_no_answer), (1, 3));
    }
}
