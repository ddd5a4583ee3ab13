//! Datagrams that come: packets to open, responses to handshake initiations.

use super::chance::Chance;
use super::destinations::Found;
use super::path::Move;
use super::state::ServerIncarnation;
use super::{Event, FourTuple, Link};
use crate::sealed::crypto::replay::Replay;
use crate::sealed::handshake::initiator::{Established, Outcome};
use crate::sealed::handshake::terms::Features;
use crate::sealed::transport::Signal;
use crate::sealed::wire::ecn::Ecn;
use crate::sealed::wire::frame;
use crate::sealed::wire::packet::{Header, Outer};
use crate::sealed::wire::varint;
use crate::time::Time;

impl Link {
    /// [`Link::handle_marked`] where nothing is known of the datagram's IP header.
    pub fn handle_datagram(&mut self, now: Time, from: impl Into<FourTuple>, datagram: &mut [u8]) {
        self.handle_marked(now, from, Ecn::NotCapable, datagram);
    }

    /// Takes in one datagram; what it holds is opened where it lies. `from`: where it came from, and to which address of ours;
    /// `ecn`: what its IP header says. Unless it is authentic it changes nothing but [`Link::dropped`].
    pub fn handle_marked(&mut self, now: Time, from: impl Into<FourTuple>, ecn: Ecn, datagram: &mut [u8]) {
        if !self.is_open() {
            return;
        }
        match Outer::parse(datagram) {
            // Acknowledgements can name no higher number.
            Some(Outer::Data(header)) if header.counter <= varint::MAX => {
                self.handle_data(now, from.into(), ecn, header, datagram);
            }
            Some(Outer::Response | Outer::Cookie) => self.handle_response(now, datagram),
            Some(Outer::Data(_) | Outer::Initiation) | None => self.dropped.malformed += 1,
        }
    }

    fn handle_data(&mut self, now: Time, from: FourTuple, ecn: Ecn, header: Header, datagram: &mut [u8]) {
        let size = datagram.len();
        if !self.replay.is_new(header.counter) {
            self.dropped.replayed += 1;
            return;
        }
        let next = self.transport.next_packet();
        self.sessions.expire(now, next);
        let Ok(opened) = self.sessions.open(now, next, header, datagram) else {
            self.dropped.forged += 1;
            return;
        };
        self.replay.mark(header.counter);
        self.arrived.on_packet(size);
        // Asked of the first packets under new keys only.
        if (opened.confirms.is_some() || self.sessions.is_unused()) && frame::is_content(opened.frames) {
            self.sessions.on_opened_content(now, header.receiver);
        }
        if let Some(took) = opened.confirms {
            // The client answers the response at once.
            self.transport.on_handshake(now, took);
            self.events.push_back(Event::Up { first: self.highest.is_none() });
        }
        self.heard(now);
        let is_quiet = self.is_quiet(now);
        if self.keepalive.is_watching() {
            self.watch_keepalive(now, header.counter);
        }
        self.highest = self.highest.max(Some(header.counter));
        if !frame::is_probing(opened.frames) && self.highest_non_probing < Some(header.counter) {
            self.highest_non_probing = Some(header.counter);
            self.heard_newest(now, from);
        }
        self.path.on_received(from, size);
        self.transport.on_ecn(ecn);
        if let Err(fault) = self.transport.handle_packet(now, header.counter, opened.frames) {
            self.fail(now, fault);
        }
        if self.transport.acked_at() == now {
            let is_back = self.reachability.on_packet(now);
            self.notify_heard(is_back);
        }
        self.take_events();
        if let Some(to) = self.path.proof() {
            self.move_to(now, to);
        }
        if is_quiet {
            self.rest();
        }
    }

    /// What the packet `counter` says of what is on the way.
    fn watch_keepalive(&mut self, now: Time, counter: u64) {
        let round_trip = self.transport.round_trip().unwrap_or_default();
        let learnt = self.keepalive.on_heard(now, counter, round_trip);
        self.events.extend(learnt.map(Event::Keepalive));
    }

    fn heard(&mut self, now: Time) {
        self.heard_at = now;
        self.state.on_heard();
        if self.liveness_probe.on_heard() {
            self.events.push_back(Event::Heard);
        }
    }

    /// Notifies the owner if the peer `is_back`: the path passes both ways again.
    fn notify_heard(&mut self, is_back: bool) {
        if is_back {
            self.destinations.on_heard(self.path.proven());
            self.events.push_back(Event::Heard);
        }
    }

    /// The server follows its client, by the newest packet that says more than path probes do; the client stays with the address its user gave.
    fn heard_newest(&mut self, now: Time, from: FourTuple) {
        if self.rekey.is_none() {
            self.path.heard_newest(now, from);
        }
    }

    /// The peer has shown that it is at another address.
    fn move_to(&mut self, now: Time, to: FourTuple) {
        let from = self.path.proven();
        match self.path.move_to(now, to) {
            Move::Rebinding => self.transport.on_rebinding(),
            Move::Elsewhere(known) => {
                let state = self.transport.switch_path(known.map(|known| *known));
                self.path.remember(now, from, state);
            }
        }
        self.events.push_back(Event::Moved(to.remote));
    }

    pub(super) fn take_events(&mut self) {
        while let Some(event) = self.transport.poll_event() {
            self.events.push_back(Event::Stream(event));
        }
        while let Some(signal) = self.transport.poll_signal() {
            match signal {
                Signal::PathResponse(token) => {
                    self.path.on_response(token);
                    self.liveness_probe.on_response(self.heard_at, token);
                }
                Signal::Ended(ended) => self.peer_ended(ended),
            }
        }
        self.end_when_read();
    }

    fn handle_response(&mut self, now: Time, datagram: &[u8]) {
        let Some(rekey) = &mut self.rekey else {
            self.dropped.malformed += 1;
            return;
        };
        match rekey.initiator.handle(now, datagram) {
            Outcome::Established(established) => self.established(now, *established),
            Outcome::Refused(refused) => {
                self.reachability.on_response(refused.round_trip);
                if !rekey.on_refused(now, &refused) {
                    return;
                }
                // With keys that are still good the owner hears of it when a packet passes again.
                if !self.sessions.is_up() {
                    self.reachability.on_refused();
                }
                self.events.push_back(Event::Refused(refused));
            }
            Outcome::Resend { index, message } => {
                if let Some(to) = self.destinations.of(index) {
                    self.outgoing = Some((message, to));
                }
            }
            Outcome::Ignored(_) => self.dropped.unasked += 1,
        }
    }

    fn established(&mut self, now: Time, new: Established) {
        let with = ServerIncarnation { epoch: new.epoch, incarnation: new.incarnation };
        // What was opened before the first response is known to nobody but us, and stays.
        let (first, same_peer) = (self.state.with().is_none(), self.state.with() == Some(with));
        if !first && !same_peer {
            let lost = self.transport.stream_count() > 0;
            self.start_over();
            if lost {
                self.events.push_back(Event::Restarted);
            }
        }
        self.state.on_established(with, self.transport.stream_count() > 0);
        // The answer shows that the peer is where its initiation went.
        let found = self.destinations.take(new.session.local);
        if let Some(Found { at, at_first_try }) = found.filter(|found| found.at != self.path.proven()) {
            // A server that was started anew was silent for another reason.
            let learnt = self.keepalive.on_move(now, self.path.proven(), at, at_first_try && same_peer);
            self.events.extend(learnt.map(Event::Keepalive));
            self.move_to(now, at);
        }
        self.transport.set_peer_limits(&new.limits);
        self.transport.on_handshake(now, new.round_trip);
        self.reachability.on_response(new.round_trip);
        self.sessions.let_last(new.limits.features.has(Features::LASTING_KEYS));
        self.sessions.replace(now, self.transport.next_packet(), new.session, Chance::new(self.random.u32()));
        if let Some(rekey) = &mut self.rekey {
            rekey.on_established();
        }
        // The server goes over to the new keys when it sees a packet under them.
        self.transport.probe();
        if self.reachability.on_handshake() {
            self.heard(now);
            let is_back = self.reachability.on_answered(now);
            self.notify_heard(is_back);
            self.events.push_back(Event::Up { first });
        } else if self.reachability.on_lost() {
            self.events.push_back(Event::Unreachable);
        }
    }

    /// Forgets the streams, the packets and the keys.
    fn start_over(&mut self) {
        self.transport = self.transport.renewed();
        self.forget_peer();
    }

    /// Forgets the peer's packets and the keys.
    pub(super) fn forget_peer(&mut self) {
        self.replay = Replay::new();
        self.arrived.on_other_peer(self.highest);
        (self.highest, self.highest_non_probing) = (None, None);
        self.sessions.clear();
    }
}
