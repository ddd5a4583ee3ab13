//! What the application does with its streams: open, answer, write, read, end.

use super::Transport;
use crate::sealed::streams::recv_state::RecvState;
use crate::sealed::wire::frame::{ResetCode, StreamId};
use crate::time::Time;

impl Transport {
    /// Opens a stream to `target`, in the words of the specification. Data may be written at once. `None`: the peer
    /// takes no more streams at a time, or there is no memory for one.
    pub fn open(&mut self, target: &[u8]) -> Option<StreamId> {
        if self.streams.len() - self.streams.peer_open() >= self.peer_streams {
            return None;
        }
        let (key, id) = self.streams.open(target)?;
        self.queue_control(key);
        Some(id)
    }

    /// The target of a stream that the peer asked for has been dialled.
    pub fn accept(&mut self, id: StreamId) {
        let Some((key, stream, _)) = self.streams.find(id) else { return };
        stream.opening.accept();
        self.queue_control(key);
    }

    /// Writes `bytes`; the caller has asked [`Transport::poll_room`].
    pub fn write(&mut self, now: Time, id: StreamId, bytes: &[u8]) {
        let Some((key, stream, pools)) = self.streams.find(id).filter(|(_, stream, _)| stream.takes_bytes())
        else {
            return;
        };
        stream.send.write(bytes, &mut pools.send);
        self.streams.count_written();
        self.wake(now, key);
    }

    /// Lets `fill` write into at most `slices` slices of room and say how many bytes it wrote.
    pub fn write_with<E>(
        &mut self,
        now: Time,
        id: StreamId,
        slices: usize,
        fill: impl FnOnce(&mut dyn Iterator<Item = &mut [u8]>) -> Result<usize, E>,
    ) -> Result<usize, E> {
        let Some((key, stream, pools)) = self.streams.find(id).filter(|(_, stream, _)| stream.takes_bytes())
        else {
            return Ok(0);
        };
        let filled = stream.send.write_with(slices, &mut pools.send, fill);
        self.streams.count_written();
        let filled = filled?;
        self.wake(now, key);
        Ok(filled)
    }

    /// No bytes come behind those written: FIN.
    pub fn finish(&mut self, now: Time, id: StreamId) {
        let Some((key, stream, _)) = self.streams.find(id) else { return };
        stream.send.state.finish();
        self.wake(now, key);
        self.close_if_over(key);
    }

    /// Ends both directions: RST. What was written before still goes as far as the peer's credit allows.
    pub fn reset(&mut self, now: Time, id: StreamId, code: ResetCode) {
        let Some((key, stream, pools)) = self.streams.find(id) else { return };
        if stream.send.state.is_reset() {
            return;
        }
        if stream.recv.state.is_reset() {
            return self.discard(id);
        }
        if stream.opening.is_unsaid() && stream.send.is_untouched() {
            let stream = self.remove(key);
            self.streams.withdraw(&stream);
            return self.notify_memory();
        }
        // Before the handshake nobody knows how far the peer's credit goes: it is cut when it is announced.
        let has_credit = !stream.opening.is_unheard() || stream.first.is_some();
        stream.send.state.reset(code);
        if has_credit {
            stream.send.cut(&mut pools.send);
        }
        self.end_datagrams(key);
        self.streams.stop_receiving(key);
        self.queue_control(key);
        self.wake(now, key);
        self.streams.count_written();
        self.renew_link_credit();
        self.notify_memory();
    }

    /// Whether the peer has not said yet that it knows of a stream which this side has opened.
    pub fn is_unheard(&self, id: StreamId) -> bool {
        self.streams.peek(id).is_some_and(|stream| stream.opening.is_unheard())
    }

    /// The application is done with a stream that the peer reset.
    pub fn discard(&mut self, id: StreamId) {
        if let Some(key) = self.streams.key(id) {
            self.remove(key);
            self.notify_memory();
        }
    }

    /// Bytes that can be read from the stream now.
    pub fn readable(&self, id: StreamId) -> u64 {
        self.streams.peek(id).map_or(0, |stream| stream.recv.readable())
    }

    /// Whether the peer ended its direction of the stream in order, and all of that has been read; or the stream is over.
    pub fn is_read_to_end(&self, id: StreamId) -> bool {
        self.streams.peek(id).is_none_or(|stream| stream.recv.state == RecvState::DataRead)
    }

    /// Lets `take` read from the slices of what is there and say how many bytes it took.
    pub fn read_with<E>(
        &mut self,
        now: Time,
        id: StreamId,
        take: impl FnOnce(&mut dyn Iterator<Item = &[u8]>) -> Result<usize, E>,
    ) -> Result<usize, E> {
        let round_trip = self.recovery.rtt.smoothed();
        let Some((key, stream, _)) =
            self.streams.find(id).filter(|(_, stream, _)| !stream.recv.state.is_stopped())
        else {
            return Ok(0);
        };
        stream.notified_readable = false;
        let taken = take(&mut stream.recv.slices())?;
        if self.streams.consume(key, taken as u64, now, round_trip) {
            self.owe_credit(key);
            self.renew_link_credit();
        }
        self.close_if_over(key);
        Ok(taken)
    }

    /// The peer must be told that it may send more of a stream.
    pub(super) fn owe_credit(&mut self, key: usize) {
        if let Some((stream, _)) = self.streams.get(key) {
            stream.due.credit = true;
        }
        self.queue_control(key);
    }
}
