//! What a task does when time passes, and until when it waits.

use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use proto::Time;
use proto::sealed::wire::frame::ResetCode;

use super::Task;
use crate::link::sealed::end::End;
use crate::number::widen;

impl<E: End + 'static> Task<E> {
    /// Closes the streams that carried nothing for too long.
    pub(super) fn sweep(&mut self, now: Time) {
        let Some(limit) = self.idle_limit else { return };
        let instant = Instant::now();
        if self.next_sweep.is_some_and(|at| instant < at) {
            return;
        }
        self.cut_off(now, limit, ResetCode::Idle);
        self.next_sweep = (self.conns.len() > 0).then(|| instant + limit / 8);
    }

    /// Sends the RSTs that are due, and gives up clients that have waited for too long.
    pub(super) fn look(&mut self, now: Time) {
        self.look_at_flows(now);
        if self.conns.none_waits() {
            return;
        }
        let instant = Instant::now();
        let next = self.next_look.into_iter().chain(self.conns.next_look(instant)).min();
        if next.is_none_or(|at| instant < at) {
            self.next_look = next;
            return;
        }
        self.conns.handle_timeout(instant);
        for (id, code) in self.conns.given_up(self.link.streams(), self.roles.patience()) {
            self.cut(now, id, code);
            let gone = code == ResetCode::Reset;
            let why = if gone { "the client has gone" } else { "proxy2 did not answer in time" };
            self.over(id, Some(code), &why);
        }
        self.next_look = None;
    }

    /// Resets the streams that carried nothing for `idle`.
    pub(super) fn cut_off(&mut self, now: Time, idle: Duration, code: ResetCode) {
        for id in self.conns.idle(idle) {
            self.link.streams().reset(now, id, code);
            self.conns.abort(id, code);
            self.over(id, Some(code), &code);
        }
        self.cut_off_flows(now, idle, code);
    }

    /// Waits for the next moment at which something is to be done. Ready: it has come. The link's own may have come while its task was
    /// busy: `is_patient` if that has brought nothing.
    pub(super) fn poll_alarm(
        &mut self,
        cx: &mut Context<'_>,
        may_send: bool,
        is_patient: &mut bool,
    ) -> Poll<()> {
        let instant = Instant::now();
        self.count_packets();
        let publish = self.counters.publish_due(instant);
        let now = self.clock.time(instant);
        let due = self.link.poll_timeout(now);
        self.due = due;
        if due <= now && !std::mem::replace(is_patient, true) {
            return Poll::Ready(());
        }
        let link = may_send.then(|| self.clock.instant(due)).flatten();
        let look = self.conns.next_look(instant);
        self.next_look = self.next_look.into_iter().chain(look).min();
        let next = [link, publish, self.next_sweep, self.next_look, self.flows.next_look(), self.leave_due()];
        let next = next.into_iter().flatten().min();
        let Some(next) = next else { return Poll::Pending };
        let next = next.max(instant + Self::LEAST_WAIT);
        // One that rings a little too early is left as it is. One that rings much too early is not: to put it off costs the runtime
        // nothing, while one that has rung costs a wake-up and two system calls to be set anew.
        if self.alarm_at.is_none_or(|at| next < at || next >= at + Self::EARLY) {
            self.alarm_at = Some(next);
            self.alarm.as_mut().reset(next.into());
        }
        let rung = self.alarm.as_mut().poll(cx);
        if rung.is_ready() {
            self.alarm_at = None;
        }
        rung
    }

    /// Says it once if the path carries small datagrams only.
    fn look_at_size(&mut self) {
        let size = self.link.streams().mtu().min(Self::USUAL_SIZE);
        if std::mem::replace(&mut self.told_size, size) > size {
            self.journal.small_path(size);
        }
    }

    pub(super) fn count_packets(&mut self) {
        self.counters.flows = widen(self.flows.len());
        self.look_at_size();
        let packets = self.link.streams().counts();
        self.core_counts.add_new(packets, self.link.dropped, &mut self.counters);
        self.core_counts.add_new_datagrams(self.link.streams().datagram_counts(), &mut self.counters);
    }
}
