//! Packets that go out: what to put into the next one.

use super::Transport;
use crate::sealed::recovery::copies;
use crate::sealed::recovery::loss_detection::WindowUse;
use crate::sealed::recovery::mtu;
use crate::sealed::recovery::sent::Content;
use crate::sealed::streams::scheduler::Schedule;
use crate::sealed::wire::ecn::Ecn;
use crate::sealed::wire::frame::{self, Frame};
use crate::sealed::wire::packet::OVERHEAD;
use crate::sealed::wire::varint::Writer;
use crate::time::Time;
use std::time::Duration;

/// Packets between two floors. The peer holds at most this many numbers too many.
const FLOOR_EVERY: u32 = 32;

/// A stream's bytes are put into what is left of a packet only if at least this many fit.
const LEAST_PIECE: usize = 32;

/// Bytes of frames that a packet beyond a full window has at the most.
const SMALL: usize = 512;

/// No acknowledgement waits longer to share a packet: at 56 kbit/s that takes 0.32 s, and a rate may be known too low.
const MOST_SHARED: Duration = Duration::from_millis(400);

/// Bytes that a stream of small messages has on its way and waiting at the most: ten of 64 bytes a second, and nothing came back for four.
/// Bulk has more, however slow the path.
const MESSAGES: u64 = 3_000;

/// A packet that has been put together and must leave, sealed, under its number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Built {
    /// Its packet number.
    pub number: u64,
    /// Bytes of frames.
    pub length: usize,
    /// What its IP header has to say.
    pub ecn: Ecn,
}

impl Transport {
    /// What the IP header of the next packet of [`Transport::poll_packet`] has to say.
    pub(crate) const fn outgoing_ecn(&self) -> Ecn {
        self.recovery.outgoing_ecn()
    }

    /// Puts the next packet's frames into `out`, which has room for the largest datagram; `None` when nothing may or
    /// need leave now.
    pub(crate) fn poll_packet(&mut self, now: Time, out: &mut [u8]) -> Option<Built> {
        self.writers.on_packet();
        if let Some(built) = self.mtu_probe(now, out) {
            return Some(built);
        }
        let may = self.recovery.may_send(now);
        let copy_due = self.copies.due().is_some_and(|due| due <= now);
        let content = may && (self.has_content() || self.recovery.is_probing() || copy_due);
        let small = !may && self.recovery.may_overdraw() && self.message_is_next();
        let ack_due = self.ack_due().is_some_and(|due| due <= now);
        // What proves an address is small and must not wait for window or pacer: the rest may wait for it.
        let challenged = !self.path_challenges.is_empty();
        if !content && !small && !ack_due && !challenged {
            // Whatever the pacer says: it only delays, it is the want of content that makes the next rates low.
            if !self.has_content() && self.recovery.window_open() {
                self.recovery.on_app_limited();
            }
            return None;
        }
        let room = (usize::from(self.full_size()) - OVERHEAD).min(out.len());
        let room = if small { room.min(SMALL) } else { room };
        let mut writer = Writer::new(&mut out[..room]);
        // First, as acknowledgements take whatever room there is, and an address without proof gives little.
        let proves = challenged && self.put_path_responses(&mut writer);
        if ack_due || self.acks.is_waiting() {
            self.acks.put(now, &mut writer);
        }
        self.put_floor(&mut writer);
        let before = writer.len();
        if content {
            if self.recovery.is_probing() && !self.has_content() {
                self.say_oldest_again(now);
            }
            self.put_control(now, &mut writer);
            self.put_copies(now, &mut writer);
            if self.datagrams.are_waiting() {
                self.put_by_turns(now, &mut writer);
            } else {
                self.put_data(now, &mut writer);
            }
            let probes = self.recovery.is_probing() || self.probe;
            if probes && writer.len() == before && !proves && writer.room() > 0 {
                frame::put(&mut writer, &Frame::Probe);
            }
        }
        if small {
            self.put_thin_data(now, &mut writer);
        }
        let window_use = if writer.len() == before && !proves {
            WindowUse::None
        } else if small {
            WindowUse::Beyond
        } else {
            WindowUse::Within
        };
        self.finish_packet(now, writer.len(), window_use)
    }

    /// Whether [`Transport::poll_packet`], which has just had nothing for the room that it was given, may have something for more.
    pub(crate) fn may_want_more_room(&self) -> bool {
        self.has_content() || self.copies.due().is_some() || self.may_probe_mtu()
    }

    /// When an acknowledgement must leave by itself. On a slow path it waits for one and a half packets' time where something else is about to leave: by
    /// itself it costs a twentieth of a full packet.
    pub(super) fn ack_due(&self) -> Option<Time> {
        let due = self.acks.due()?;
        if !self.has_content() {
            return Some(due);
        }
        let packets = u64::from(self.mtu.current()) * 3 / 2;
        Some(due + self.recovery.controller().time_if_slow(packets).min(MOST_SHARED))
    }

    /// The most UDP payload of the next packet. A probe that went unanswered may have been too large.
    fn full_size(&self) -> u16 {
        match self.recovery.unanswered_probes() {
            _ if !self.recovery.is_probing() => self.mtu.current(),
            0 | 1 => self.mtu.current().min(mtu::BASE),
            _ => mtu::LEAST,
        }
    }

    fn finish_packet(&mut self, now: Time, length: usize, window_use: WindowUse) -> Option<Built> {
        if length == 0 {
            return None;
        }
        if window_use != WindowUse::None {
            self.probe = false;
        }
        let number = self.recovery.log.next();
        let ecn = self.recovery.outgoing_ecn();
        self.recovery.on_sent(now, length + OVERHEAD, window_use, ecn);
        self.since_floor += 1;
        Some(Built { number, length, ecn })
    }

    /// Whether anything waits that asks for an acknowledgement.
    pub(super) fn has_content(&self) -> bool {
        !self.schedule.is_empty()
            || !self.control.is_empty()
            || self.link_credit_due
            || self.probe
            || !self.path_challenges.is_empty()
            || self.datagrams.are_waiting()
    }

    fn mtu_probe(&mut self, now: Time, out: &mut [u8]) -> Option<Built> {
        if !self.may_probe_mtu() {
            return None;
        }
        let size = self.mtu.probe(now).filter(|size| usize::from(*size) <= out.len() + OVERHEAD);
        let size = size.filter(|size| self.fits_window(*size));
        if (now..Time::NEVER).contains(&self.mtu.timeout()) {
            self.on_packet_size_found();
        }
        let size = size?;
        let length = usize::from(size) - OVERHEAD;
        let mut writer = Writer::new(&mut out[..length]);
        frame::put(&mut writer, &Frame::Probe);
        let left = writer.room();
        writer.space(left).fill(frame::kind::PADDING);
        self.mtu.on_probe_sent();
        self.recovery.log.note(Content::MtuProbe(size));
        self.finish_packet(now, length, WindowUse::Within)
    }

    fn put_floor(&mut self, writer: &mut Writer<'_>) {
        if self.since_floor >= FLOOR_EVERY && writer.room() >= frame::SMALL_FRAME {
            self.since_floor = 0;
            let packet = self.recovery.log.oldest_in_flight();
            frame::put(writer, &Frame::Floor { packet });
        }
    }

    /// Puts the responses to the path challenges of the peer; false if there is no room for any.
    fn put_path_responses(&mut self, writer: &mut Writer<'_>) -> bool {
        while writer.room() >= frame::SMALL_FRAME
            && let Some(token) = self.path_challenges.pop_front()
        {
            frame::put(writer, &Frame::PathResponse { token });
        }
        !writer.is_empty()
    }

    fn put_control(&mut self, now: Time, writer: &mut Writer<'_>) {
        if self.link_credit_due && writer.room() >= frame::SMALL_FRAME {
            self.link_credit_due = false;
            frame::put(writer, &Frame::LinkCredit { limit: self.streams.promises.advertised() });
            self.recovery.log.note(Content::LinkCredit);
        }
        while let Some(&key) = self.control.front() {
            let Some((stream, _)) = self.streams.get(key) else {
                self.control.pop_front();
                continue;
            };
            if writer.room() < frame::open_size(stream.target.len()) + 3 * frame::SMALL_FRAME {
                return;
            }
            let (id, due) = (stream.id, std::mem::take(&mut stream.due));
            if stream.opening.is_open_due() {
                self.put_open(now, key, writer);
            }
            let Some((stream, _)) = self.streams.get(key) else { return };
            if let Some(opened) = stream.opening.opened().filter(|opened| opened.is_due()) {
                opened.on_sent();
                frame::put(writer, &Frame::Opened { id });
                self.recovery.log.note(Content::Opened(id));
            }
            if due.credit {
                frame::put(writer, &Frame::Credit { id, end: stream.recv.granted() });
                self.recovery.log.note(Content::Credit(id));
            }
            if let Some((code, end)) = stream.send.take_reset() {
                frame::put(writer, &Frame::Reset { id, code, end });
                self.recovery.log.note(Content::Reset(id));
            }
            self.control.pop_front();
        }
    }

    /// Announces a stream, and takes link credit for its first bytes, which can leave with it.
    fn put_open(&mut self, now: Time, key: usize, writer: &mut Writer<'_>) {
        let first = self.streams.take_first(key);
        let Some((stream, _)) = self.streams.get(key) else { return };
        let (id, credit) = (stream.id, stream.recv.granted());
        stream.window.on_advertised(now);
        frame::put(writer, &Frame::Open { id, credit, first, target: &stream.target });
        self.recovery.log.note(Content::Open(id));
        self.on_credit(key);
        self.wake(now, key);
        self.start_flow(now, key);
    }

    /// Further copies of frames, as many as fit.
    fn put_copies(&mut self, now: Time, writer: &mut Writer<'_>) {
        let number = self.recovery.log.next();
        while let Some(copy) = self.copies.front(now, number) {
            let stream = self.streams.find(copy.id).map(|(_, stream, _)| stream);
            let lacking = stream.as_ref().and_then(|stream| stream.send.lacking(&copy.range, copy.fin));
            let Some((stream, range)) = stream.zip(lacking) else {
                self.copies.pop();
                continue;
            };
            let length = usize::try_from(range.end - range.start).unwrap_or(usize::MAX);
            let head = frame::data_header_size(copy.id, range.start, writer.room());
            // The end of a stream is a copy without bytes, which would fit into no room at all.
            let Some(room) = writer.room().checked_sub(head) else { return };
            let whole = length <= room;
            if !whole && (length as u64 <= copies::MAX_LENGTH || room < LEAST_PIECE) {
                return;
            }
            let (length, fin) = (length.min(room), copy.fin && whole);
            let range = range.start..range.start + length as u64;
            frame::put_data_header(writer, copy.id, range.start, length, fin);
            stream.send.copy(&range, writer.space(length));
            self.recovery.counts.on_data(length, true);
            let end = range.end;
            self.recovery.log.note(Content::Data { id: copy.id, range, fin });
            if !whole {
                return self.copies.on_copied_to(end);
            }
            self.copies.on_copied(now, number);
        }
    }

    /// What streams have to send, as much as fits.
    pub(super) fn put_data(&mut self, now: Time, writer: &mut Writer<'_>) {
        self.put_pieces(now, writer, Schedule::front);
    }

    /// Whether a small message is next, of a stream that has nothing else on its way.
    fn message_is_next(&mut self) -> bool {
        let Some((stream, _)) = self.schedule.front_thin().and_then(|key| self.streams.get(key)) else {
            return false;
        };
        stream.send.held() <= MESSAGES && stream.send.unsent() <= copies::MAX_LENGTH
    }

    /// What thin streams have to send, as much as fits.
    pub(super) fn put_thin_data(&mut self, now: Time, writer: &mut Writer<'_>) {
        self.put_pieces(now, writer, Schedule::front_thin);
    }

    fn put_pieces(&mut self, now: Time, writer: &mut Writer<'_>, next: impl Fn(&Schedule) -> Option<usize>) {
        let number = self.recovery.log.next();
        // A probe is a second copy itself, and a dead path is worth no more.
        let lossy = self.recovery.deserves_copies() && !self.recovery.is_probing();
        let far = lossy
            && copies::are_worth_it(self.recovery.log.in_flight(), self.recovery.controller().random_loss());
        while let Some(key) = next(&self.schedule) {
            let Some((stream, _)) = self.streams.get(key) else { return };
            let head = frame::data_header_size(stream.id, stream.send.sent_end(), writer.room());
            let room = writer.room().saturating_sub(head);
            if room < LEAST_PIECE {
                return;
            }
            let Some(piece) = stream.send.take(room) else {
                self.schedule.sent(&mut stream.turn, 0, false);
                continue;
            };
            let length = usize::try_from(piece.range.end - piece.range.start).unwrap_or(0);
            frame::put_data_header(writer, stream.id, piece.range.start, length, piece.fin);
            stream.send.copy(&piece.range, writer.space(length));
            self.recovery.counts.on_data(length, piece.again);
            if lossy && length as u64 <= copies::MAX_LENGTH && stream.turn.is_thin() {
                self.copies.push(now, &self.recovery.rtt, number, stream.id, piece.range.clone(), piece.fin);
            } else if far && piece.again {
                self.copies.push_again(now, number, stream.id, piece.range.clone(), piece.fin);
            }
            self.recovery.log.note(Content::Data { id: stream.id, range: piece.range, fin: piece.fin });
            self.schedule.sent(&mut stream.turn, length as u64, stream.send.is_ready());
            self.on_bytes_left(key);
        }
    }
}
