//! The application of one end, and what it has said and heard.

use super::flows::{FlowUser, TARGET};
use crate::sealed::transport::{Event, Transport};
use crate::sealed::wire::frame::{ResetCode, StreamId};
use crate::time::Time;
use std::collections::BTreeMap;
use std::convert::Infallible;

/// One stream, as its application sees it.
#[derive(Debug, Default)]
struct FuzzedStream {
    /// Bytes still to be written, and whether the end comes behind them.
    to_write: usize,
    to_finish: bool,
    finished: bool,
    written: u64,
    /// Room was asked for and there was none.
    waits: bool,
    reset: Option<ResetCode>,
    /// Told that there is something to read, and not read to the last byte since.
    readable: bool,
    paused: bool,
    read: u64,
    read_end: bool,
    peer_reset: Option<ResetCode>,
    over: bool,
    opened: u32,
}

/// The application of one end.
#[derive(Debug, Default)]
pub(super) struct StreamUser {
    streams: BTreeMap<StreamId, FuzzedStream>,
    pub(super) flows: FlowUser,
    winding_up: bool,
}

impl StreamUser {
    pub(super) fn open(&mut self, transport: &mut Transport) {
        // A plain forward names no target.
        if let Some(id) = transport.open(b"") {
            let old = self.streams.insert(id, FuzzedStream::default());
            // The number of one that never left is free again.
            let unused = old.is_none_or(|old| old.reset.is_some() && old.opened == 0);
            assert!(unused, "{id} was used before");
        }
    }

    fn pick(&mut self, which: usize) -> Option<(StreamId, &mut FuzzedStream)> {
        let mut live: Vec<_> = self.streams.iter_mut().filter(|(_, stream)| !stream.over).collect();
        let at = which % live.len().max(1);
        (at < live.len()).then(|| live.swap_remove(at)).map(|(id, stream)| (*id, stream))
    }

    pub(super) fn write(&mut self, which: usize, length: usize) {
        if let Some((_, stream)) = self.pick(which).filter(|(_, stream)| !stream.to_finish) {
            stream.to_write += length;
        }
    }

    pub(super) fn finish(&mut self, which: usize) {
        if let Some((_, stream)) = self.pick(which) {
            stream.to_finish = true;
        }
    }

    pub(super) fn pause(&mut self, which: usize, paused: bool) {
        if let Some((_, stream)) = self.pick(which) {
            stream.paused = paused;
        }
    }

    pub(super) fn reset(&mut self, now: Time, transport: &mut Transport, which: usize, code: u8) {
        let Some((id, stream)) = self.pick(which) else { return };
        let code = ResetCode::from_code(u64::from(code % 10));
        stream.reset = Some(code);
        stream.over = true;
        transport.reset(now, id, code);
    }

    pub(super) fn read(&mut self, now: Time, transport: &mut Transport, which: usize, length: usize) {
        if let Some((id, stream)) = self.pick(which) {
            take(now, transport, id, stream, length);
        }
    }

    /// Everybody says what is left, finishes and reads.
    pub(super) fn wind_up(&mut self) {
        self.winding_up = true;
        for stream in self.streams.values_mut() {
            (stream.paused, stream.to_finish) = (false, true);
        }
    }

    /// Answers events, then does what can be done.
    pub(super) fn work(&mut self, now: Time, transport: &mut Transport) {
        self.hear_all(now, transport);
        if self.winding_up {
            self.flows.wind_up(now, transport);
        }
        for (id, stream) in self.streams.iter_mut().filter(|(_, stream)| !stream.over) {
            say(now, transport, *id, stream);
            if stream.readable && !stream.paused {
                take(now, transport, *id, stream, usize::MAX);
            }
        }
        self.hear_all(now, transport);
    }

    fn hear_all(&mut self, now: Time, transport: &mut Transport) {
        while let Some(event) = transport.poll_event() {
            self.hear(now, transport, event);
        }
        assert_eq!(transport.poll_signal(), None, "nobody said that");
    }

    fn hear(&mut self, now: Time, transport: &mut Transport, event: Event) {
        let is_stream = self.streams.get(&event.stream()).is_some_and(|stream| !stream.over);
        if !is_stream && self.flows.knows(event.stream()) {
            return self.flows.hear(transport, &event);
        }
        match event {
            Event::Incoming { id, target } if target == TARGET => {
                self.flows.incoming(id);
                transport.accept(id);
            }
            Event::Incoming { id, target } => {
                assert!(target.is_empty());
                let stream = FuzzedStream { to_finish: self.winding_up, ..FuzzedStream::default() };
                assert!(self.streams.insert(id, stream).is_none(), "{id} came in twice");
                transport.accept(id);
            }
            Event::Opened(id) => {
                let stream = self.streams.get_mut(&id).expect("an open stream");
                stream.opened += 1;
                assert_eq!(stream.opened, 1, "{id} was opened twice");
            }
            Event::Readable(id) => {
                self.streams.get_mut(&id).expect("a known stream").readable = true;
            }
            Event::DatagramReadable(id) => panic!("{id} is no flow"),
            Event::Writable(id) => self.streams.get_mut(&id).expect("a known stream").waits = false,
            Event::Delivered(id) => {
                let stream = self.streams.get_mut(&id).expect("a known stream");
                assert!(stream.finished, "{id} was delivered before its end");
            }
            Event::Reset(id, code) => {
                let stream = self.streams.get_mut(&id).expect("a known stream");
                assert_eq!(stream.peer_reset.replace(code), None, "{id} was reset twice");
                if !stream.over {
                    take(now, transport, id, stream, usize::MAX);
                    stream.over = true;
                }
                transport.discard(id);
            }
            Event::Closed(id) => {
                let stream = self.streams.get_mut(&id).expect("a known stream");
                assert!(!stream.over || stream.reset.is_none(), "{id} closed after a reset");
                assert!(stream.finished && stream.peer_reset.is_none(), "{id} closed with its way open");
                stream.over = true;
                stream.read_end = true;
            }
        }
    }

    /// Whether what this end heard is what `peer` said.
    pub(super) fn compare(&self, peer: &Self) {
        self.flows.compare(&peer.flows);
        for (id, stream) in &self.streams {
            let Some(said) = peer.streams.get(id) else {
                assert!(stream.read == 0 && !stream.read_end, "{id}: bytes from nowhere");
                continue;
            };
            assert!(stream.read <= said.written, "{id}: {} of {} bytes read", stream.read, said.written);
            if stream.read_end {
                assert!(
                    said.finished && stream.read == said.written,
                    "{id} ended too early: {stream:?}, {said:?}"
                );
            }
            if let Some(code) = stream.peer_reset.filter(|code| *code != ResetCode::Limit) {
                assert_eq!(said.reset, Some(code), "{id}: a reset that nobody sent");
            }
        }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.flows.is_empty() && self.streams.values().all(|stream| stream.over)
    }

    /// Nobody was forgotten: what was not reset by either side was read to its end.
    pub(super) fn assert_complete(&self) {
        for (id, stream) in &self.streams {
            let reset = stream.reset.is_some() || stream.peer_reset.is_some();
            assert!(reset || stream.read_end && stream.finished, "{id} was forgotten: {stream:?}");
        }
    }
}

fn say(now: Time, transport: &mut Transport, id: StreamId, stream: &mut FuzzedStream) {
    while stream.to_write > 0 && !stream.waits {
        let room = transport.poll_room(now, id).min(stream.to_write);
        stream.waits = room == 0;
        if room > 0 {
            let bytes: Vec<u8> = (stream.written..).take(room).map(|offset| byte(id, offset)).collect();
            transport.write(now, id, &bytes);
            stream.written += room as u64;
            stream.to_write -= room;
        }
    }
    if stream.to_write == 0 && stream.to_finish && !stream.finished {
        stream.finished = true;
        transport.finish(now, id);
    }
}

/// Reads at most `length` bytes and compares each.
fn take(now: Time, transport: &mut Transport, id: StreamId, stream: &mut FuzzedStream, length: usize) {
    let read = transport.read_with(now, id, |slices| {
        let mut taken = 0;
        for slice in slices {
            for &found in slice.iter().take(length - taken) {
                assert_eq!(found, byte(id, stream.read), "{id} at {}", stream.read);
                stream.read += 1;
                taken += 1;
            }
        }
        Ok::<_, Infallible>(taken)
    });
    let Ok(_) = read;
    stream.readable &= transport.readable(id) > 0;
    let gone = stream.over || stream.peer_reset.is_some();
    stream.read_end |= !gone && transport.readable(id) == 0 && transport.is_read_to_end(id);
}

/// Bytes that tell their stream and their place.
fn byte(id: StreamId, offset: u64) -> u8 {
    let mixed = (offset ^ id.0 << 40).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    mixed.to_be_bytes()[0]
}
