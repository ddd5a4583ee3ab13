//! Streams over packets: everything between the application's bytes and the bytes that are sealed, but no sealing.
//!
//! A [`Transport`] is driven like every type of this crate: mutate it once ([`Transport::open`],
//! [`Transport::write_with`], [`Transport::handle_packet`], [`Transport::handle_timeout`] …), then drain
//! [`Transport::poll_packet`] and [`Transport::poll_event`] until both are empty, one after the other, then wait until
//! [`Transport::poll_timeout`] or the next input.

mod application;
pub mod datagrams;
mod event;
pub mod figures;
mod lower;
mod receive;
mod settle;
#[cfg(test)]
mod tests;
mod transmit;
pub(super) mod writers;

use crate::sealed::crypto::random::Random;
use crate::sealed::handshake::terms::{Features, Limits};
use crate::sealed::recovery::ack::Acks;
use crate::sealed::recovery::copies::RedundantCopies;
pub use crate::sealed::recovery::counts::Counts;
use crate::sealed::recovery::loss_detection::{PacketOutcome, Recovery};
use crate::sealed::recovery::mtu::{self, Mtu};
use crate::sealed::recovery::sent::Content;
use crate::sealed::streams::blocked::BlockedWriters;
use crate::sealed::streams::budget::Budget;
use crate::sealed::streams::early::EarlyData;
pub use crate::sealed::streams::pool::PIECE;
use crate::sealed::streams::promises::FIRST_CREDIT;
use crate::sealed::streams::scheduler::Schedule;
use crate::sealed::streams::send_state::SendState;
pub use crate::sealed::streams::settings::Settings;
use crate::sealed::streams::stream::Stream;
use crate::sealed::streams::table::{Side, Streams};
use crate::time::Time;
use datagrams::Datagrams;
pub(crate) use event::Signal;
pub use event::{Event, Fault};
pub(crate) use lower::{CHALLENGE_SIZE, PathState};
use std::collections::VecDeque;
use std::time::Duration;
pub use transmit::Built;

/// The part of the window, as its divisor, that a packet may take which tries a larger size.
const MTU_PROBE_PART: u64 = 4;

/// The transport of one link.
#[derive(Debug)]
pub struct Transport {
    side: Side,
    settings: Settings,
    streams: Streams,
    /// Bytes that came before the frame that opens their stream.
    early: EarlyData,
    schedule: Schedule,
    /// Streams with control frames to send.
    control: VecDeque<usize>,
    /// Entries of `control` whose stream is gone, at the most.
    stale: usize,
    recovery: Recovery,
    acks: Acks,
    copies: RedundantCopies,
    mtu: Mtu,
    events: VecDeque<Event>,
    /// What the link has to hear.
    signals: VecDeque<Signal>,
    /// Tokens of the peer's path challenges: each waits for a packet that carries its response.
    path_challenges: VecDeque<u64>,
    /// Streams the peer takes from this side at a time.
    peer_streams: usize,
    /// What else it takes.
    peer_features: Features,
    /// When something other than acknowledgements last came.
    content_at: Time,
    /// A bare probe must go.
    probe: bool,
    /// The packet being taken in holds something that cannot be taken in now: it must come again.
    declined: bool,
    /// More link credit must be advertised to the peer.
    link_credit_due: bool,
    /// Packets since the floor was last sent.
    since_floor: u32,
    outcomes: Vec<PacketOutcome>,
    /// Writers that have to wait.
    writers: BlockedWriters,
    /// Bytes that one stream may have unsent.
    unsent_limit: u64,
    /// What flows carry.
    datagrams: Datagrams,
}

impl Transport {
    /// A transport with no streams, that leaves out the same packet numbers each time: for simulations.
    #[cfg(any(test, feature = "fuzzing"))]
    pub(crate) fn new(side: Side, settings: Settings) -> Self {
        Self::with_random(side, settings, Random::from_seed([0; 32]))
    }

    /// A transport with no streams; `random` says which packet numbers are left out, so the peer must not know it.
    pub(crate) fn with_random(side: Side, settings: Settings, random: Random) -> Self {
        Self {
            side,
            streams: Streams::new(side, &settings),
            early: EarlyData::default(),
            schedule: Schedule::default(),
            control: VecDeque::new(),
            stale: 0,
            recovery: Recovery::new(mtu::BASE, random),
            acks: Acks::default(),
            copies: RedundantCopies::default(),
            mtu: Mtu::new(settings.max_datagram),
            events: VecDeque::new(),
            signals: VecDeque::new(),
            path_challenges: VecDeque::new(),
            peer_streams: usize::MAX,
            peer_features: Features::NONE,
            content_at: Time::ZERO,
            probe: false,
            declined: false,
            link_credit_due: false,
            since_floor: 0,
            outcomes: Vec::new(),
            writers: BlockedWriters::default(),
            unsent_limit: writers::MOST_UNSENT,
            datagrams: Datagrams::default(),
            settings,
        }
    }

    /// A transport with no streams that goes on with the counts of this one.
    pub(crate) fn renewed(&mut self) -> Self {
        let mut new = Self::with_random(self.side, self.settings, self.recovery.fork_random());
        new.recovery.counts = self.recovery.counts;
        new.datagrams = Datagrams::after(&self.datagrams);
        new
    }

    /// Goes on with a peer that knows nothing of this end: with the streams, of which nothing has left, and without what was
    /// learnt of the peer.
    pub(crate) fn reconnect(&mut self) {
        let new = self.renewed();
        self.recovery = new.recovery;
        self.acks = new.acks;
        self.copies = new.copies;
        self.mtu = new.mtu;
        self.streams.forget_peer_credit();
        self.link_credit_due = false;
        self.peer_features = Features::NONE;
        self.suspend_flows();
        (self.path_challenges, self.probe) = (VecDeque::new(), false);
        (self.content_at, self.since_floor) = (new.content_at, 0);
    }

    /// From now on its memory is part of `budget`, which others share.
    pub(crate) fn join(&mut self, budget: &Budget) {
        self.streams.join(budget);
    }

    /// Nothing is carried for a while: gives back the room that carrying took.
    pub(crate) fn rest(&mut self) {
        self.recovery.log.rest();
        self.control.shrink_to_fit();
        self.events.shrink_to_fit();
        self.signals.shrink_to_fit();
        self.path_challenges.shrink_to_fit();
        self.outcomes.shrink_to_fit();
    }

    /// Asks the peer for a sign of life.
    pub(crate) const fn probe(&mut self) {
        self.probe = true;
    }

    /// What the peer said of itself in the handshake; the same in all handshakes of a link.
    pub(crate) fn set_peer_limits(&mut self, limits: &Limits) {
        self.streams.set_link_credit(limits.link_credit, limits.stream_credit);
        self.peer_streams = usize::try_from(limits.streams).unwrap_or(usize::MAX);
        self.peer_features = limits.features;
        let ecn = limits.features.has(Features::ECN);
        self.recovery.ecn.set_agreed(ecn);
        self.acks.tell_ecn(ecn);
        self.mtu.set_max(self.settings.max_datagram.min(limits.datagram.max(mtu::BASE)));
    }

    /// A handshake of the link took so long to be answered.
    pub(crate) fn on_handshake(&mut self, now: Time, round_trip: Duration) {
        self.recovery.rtt.expect(now, round_trip);
    }

    /// What to say of this end in the handshake.
    pub(crate) fn limits(settings: &Settings) -> Limits {
        Limits {
            streams: u32::try_from(settings.max_streams).unwrap_or(u32::MAX),
            link_credit: settings.first_credit(),
            stream_credit: FIRST_CREDIT,
            datagram: settings.max_datagram,
            features: Features::DATAGRAMS.and(Features::ECN).and(Features::LASTING_KEYS),
        }
    }

    // What time and the world do: handle_packet is in `receive`, poll_packet in `transmit`.

    /// Time passed.
    pub(crate) fn handle_timeout(&mut self, now: Time) {
        let mut outcomes = std::mem::take(&mut self.outcomes);
        self.recovery.on_timeout(now, &mut outcomes);
        self.settle(now, &mut outcomes);
        self.outcomes = outcomes;
        self.ask_budget_again(now);
    }

    /// The next thing for the link to hear.
    pub(crate) fn poll_signal(&mut self) -> Option<Signal> {
        self.signals.pop_front()
    }

    /// The next thing the application wants to know.
    pub(crate) fn poll_event(&mut self) -> Option<Event> {
        if self.events.is_empty() {
            self.notify_turns();
        }
        self.events.pop_front()
    }

    /// When [`Transport::handle_timeout`] or [`Transport::poll_packet`] has something to do; [`Time::NEVER`] if only
    /// input can change that.
    pub(crate) fn poll_timeout(&self) -> Time {
        let mut due = self.recovery.timeout().min(self.ack_due().unwrap_or(Time::NEVER));
        if self.has_content() && self.recovery.window_open() {
            due = due.min(self.recovery.next_paced());
        }
        if let Some(copy) = self.copies.due().filter(|_| self.recovery.window_open()) {
            due = due.min(copy.max(self.recovery.next_paced()));
        }
        if self.may_probe_mtu() && self.mtu.next().is_none_or(|size| self.fits_window(size)) {
            due = due.min(self.mtu.timeout());
        }
        due.min(self.writers.ask_budget_at())
    }

    /// This end could have gone on for `wait`, and its machine served others meanwhile: what a round trip says of the path is less by that,
    /// and what was to leave may leave at once. Worth saying some ten times a second while packets leave.
    pub const fn on_turn(&mut self, now: Time, wait: Duration) {
        self.recovery.on_turn(now, wait);
    }

    // What the outside may look at.

    /// What the peer takes beyond the first version, as it said in its handshake; nothing before that.
    pub(crate) const fn peer_features(&self) -> Features {
        self.peer_features
    }

    /// Streams that are not over.
    pub fn stream_count(&self) -> usize {
        self.streams.len()
    }

    /// Whether nothing is in flight, waiting or owed.
    pub(crate) fn is_idle(&self) -> bool {
        self.streams.len() == 0 && self.recovery.log.in_flight_packets() == 0 && !self.has_content()
    }

    /// Whether something waits to be acknowledged by the peer.
    #[cfg(any(test, feature = "fuzzing"))]
    pub(crate) const fn is_waiting(&self) -> bool {
        self.recovery.log.in_flight_packets() > 0
    }

    /// When the oldest packet left that waits to be acknowledged.
    pub(crate) fn waiting_since(&self) -> Option<Time> {
        let log = &self.recovery.log;
        log.in_flight_below(log.next()).next().map(|(_, packet)| packet.sent)
    }

    /// When something that this side sent was last acknowledged.
    pub(crate) const fn acked_at(&self) -> Time {
        self.recovery.acked_at()
    }

    /// Whether packet `number`, which has just been made, holds something that a user or their application has to say.
    pub(crate) fn has_content_in(&self, number: u64) -> bool {
        let is_content = |content: &Content| !matches!(content, Content::MtuProbe(_) | Content::LinkCredit);
        self.recovery.log.contents(number).any(is_content)
    }

    /// The number of the next packet.
    pub(crate) fn next_packet(&self) -> u64 {
        self.recovery.log.next()
    }

    /// The next packet's number is `number`, as if as many had been sent.
    #[cfg(test)]
    pub(crate) fn skip_packets(&mut self, number: u64) {
        self.recovery.forget(Time::NEVER);
        self.recovery.log.skip_to(number);
    }

    /// When something other than acknowledgements last came from the peer.
    pub(crate) const fn content_at(&self) -> Time {
        self.content_at
    }

    /// Bytes of memory that hold stream data.
    #[cfg(any(test, feature = "fuzzing"))]
    pub(crate) fn memory(&self) -> usize {
        let (pools, datagrams) = (&self.streams.pools, self.kept() + self.streams.datagrams);
        pools.send.used() + pools.recv.used() + usize::try_from(datagrams).unwrap_or(usize::MAX)
    }

    /// Bytes of memory that are set aside for what the peer may send.
    #[cfg(test)]
    pub(crate) const fn reserved(&self) -> u64 {
        self.streams.promises.share().used()
    }

    /// What is held and promised is what was counted, and who waits is in the queue for that.
    ///
    /// # Panics
    /// If it is not.
    #[cfg(any(test, feature = "fuzzing"))]
    pub(crate) fn check_accounts(&self) {
        self.streams.check_accounts(self.kept());
        self.check_datagrams();
        assert!(self.writers.agrees_with(self.streams.blocked()), "{:?}", self.writers);
    }

    /// The streams, for a failure message.
    #[cfg(any(test, feature = "fuzzing"))]
    pub(crate) fn describe(&self) -> String {
        format!("{:?}", self.streams.iter().collect::<Vec<_>>())
    }

    /// Bytes that are set aside for streams.
    #[cfg(any(test, feature = "fuzzing"))]
    pub(crate) fn promised(&self) -> u64 {
        self.streams.promises.held()
    }

    /// Smoothed round trip; `None` before the first sample.
    pub fn round_trip(&self) -> Option<Duration> {
        self.recovery.rtt.is_known().then(|| self.recovery.rtt.smoothed())
    }

    /// Packets thought lost, and of these those that were not; probe time-outs.
    pub const fn counts(&self) -> Counts {
        self.recovery.counts
    }

    /// The UDP payload of full packets, in bytes.
    pub const fn mtu(&self) -> u16 {
        self.mtu.current()
    }

    /// Bytes a second the path delivers, and the share of packets it loses whatever the rate.
    #[cfg(test)]
    pub(crate) fn path_model(&self) -> (u64, f64) {
        (self.recovery.controller().rate(), self.recovery.controller().random_loss())
    }

    // Inside.

    /// Larger packets are of use while bytes queue up, and tried while the path lives.
    fn may_probe_mtu(&self) -> bool {
        (!self.schedule.is_empty() || self.datagrams.want_larger_packets() || self.may_probe_rate())
            && self.recovery.rtt.is_known()
            && !self.recovery.is_dead()
            && !self.recovery.is_probing()
    }

    /// A packet that tries a larger size takes its part of the window until it is lost: on a slow path the others would wait for that.
    fn fits_window(&self, size: u16) -> bool {
        u64::from(size) * MTU_PROBE_PART <= self.recovery.controller().cwnd()
    }

    /// A first full packet that leaves while nothing else is on its way tells whether the path is slow, before bulk comes. Who will
    /// send no more need not know, and would only wait for it.
    fn may_probe_rate(&self) -> bool {
        self.mtu.is_untried()
            && self.recovery.log.in_flight() == 0
            && self.streams.iter().any(|stream| stream.send.state == SendState::Send)
    }

    /// Advertises more link credit to the peer if there is memory for it.
    fn renew_link_credit(&mut self) {
        self.link_credit_due |= self.streams.promises.renew_link_credit().is_some();
    }

    fn wake(&mut self, now: Time, key: usize) {
        if let Some((stream, _)) = self.streams.get(key).filter(|(stream, _)| stream.send.is_ready()) {
            self.schedule.wake(now, key, stream.send.unsent(), &mut stream.turn);
        }
    }

    fn queue_control(&mut self, key: usize) {
        let Some((stream, _)) = self.streams.get(key) else { return };
        if !std::mem::replace(&mut stream.due.queued, true) {
            self.control.push_back(key);
        }
    }

    fn remove(&mut self, key: usize) -> Stream {
        let mut stream = self.streams.remove(key);
        self.writers.release(&mut stream.blocked);
        self.renew_link_credit();
        self.schedule.remove(&mut stream.turn);
        self.forget_datagrams(key, &mut stream);
        if stream.due.queued {
            self.stale += 1;
            self.drop_stale();
        }
        stream
    }

    /// Clears the queue once half of it stands for streams that are gone: to do so for each would cost a walk for each.
    fn drop_stale(&mut self) {
        if self.stale * 2 < self.control.len() {
            return;
        }
        self.stale = 0;
        let mut control = std::mem::take(&mut self.control);
        control.retain(|key| self.streams.get(*key).is_some_and(|(stream, _)| stream.due.queued));
        self.control = control;
    }

    fn close_if_over(&mut self, key: usize) {
        let over = self.streams.get(key).filter(|(stream, _)| stream.is_over());
        let Some((id, reset)) = over.map(|(stream, _)| (stream.id, stream.send.state.is_reset())) else {
            return;
        };
        self.remove(key);
        if !reset {
            self.events.push_back(Event::Closed(id));
        }
    }
}
