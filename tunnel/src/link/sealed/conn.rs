//! The local end of one stream: bytes from it into the stream and from the stream into it, without a copy between.

use std::collections::VecDeque;
use std::convert::Infallible;
use std::io::{self, IoSlice, IoSliceMut, Read};
use std::sync::Arc;
use std::task::{Context, Poll, Waker};
use std::time::{Duration, Instant};

use proto::Time;
use proto::sealed::transport::{PIECE, Transport};
use proto::sealed::wire::frame::{ResetCode, StreamId};

use crate::link::sealed::records::Carried;
use crate::link::sealed::ticket_share::StreamPlace;
use crate::local::held::Put;
use crate::local::pipe::{reset_code, was_reset};
use crate::local::stream::{LocalStream, News};
use crate::ready::{Ready, StreamWaker};

/// The connection and how far each direction is.
#[derive(Debug)]
pub(super) struct Conn {
    /// Its stream.
    pub(super) id: StreamId,
    local: LocalStream,
    /// What goes into the stream before anything is read from the connection.
    first: VecDeque<u8>,
    waker: Waker,
    stream_waker: Arc<StreamWaker>,
    reading: Reading,
    /// The stream has ended, and the connection's other end knows.
    write_ended: bool,
    /// The peer has reset the stream, and until when the bytes before that may take to be written, unless some are.
    pub(super) reset: Option<(ResetCode, Instant)>,
    /// It stands in the list of those that are looked at when their RST is due.
    pub(super) in_due: bool,
    /// When it last took bytes.
    wrote: Option<Instant>,
    /// Its other end has sent a byte.
    asked: bool,
    /// Bytes that a read is given room for: pieces of memory for a whole turn cost more than a small message does.
    expected: usize,
    /// The last read ended short, and yet its other end sends much.
    goes_on: bool,
    /// Since when it waits for the peer to hear of its stream.
    pub(super) since: Instant,
    /// It stands in the list of those to read from.
    pub(super) to_read: bool,
    /// It stands in the list of those to write to.
    pub(super) to_write: bool,
    /// When it last carried something.
    pub(super) active: Instant,
    /// What it has carried.
    pub(super) carried: Carried,
    /// Where it counts among the streams of its ticket.
    _place: Option<StreamPlace>,
}

/// How far the direction from the connection into the stream is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Reading {
    /// The runtime knows when there is something to read.
    Told,
    /// There may be something to read, and the runtime was made to forget it.
    Untold,
    /// The same, and the stream had no room.
    Starved,
    /// Its other end has sent FIN, and the stream knows.
    Ended,
}

/// What to do next with a direction of a connection.
#[derive(Debug)]
pub(super) enum Step {
    /// So many bytes went, and there may be more.
    More(usize),
    /// So many bytes went, and it goes on when something wakes the connection or its stream.
    Wait(usize),
    /// The connection is broken.
    Broken(io::Error),
}

/// Why a read or a write brought nothing.
enum Stop {
    Blocked,
    End,
    Broken(io::Error),
}

impl Conn {
    /// How long an RST waits behind bytes that the connection does not take.
    const BLOCKED: Duration = Duration::from_millis(500);
    /// How long it waits behind bytes that the system has taken: it would throw away what has not left, and make others throw
    /// away what has not been read. A round trip to the next machine, some times over.
    const LINGER: Duration = Duration::from_millis(200);
    /// Bytes read or written in one turn.
    const TURN: usize = 128 << 10;
    /// Slices in one read: a turn's worth of the pieces that are written to, and one for a part.
    const SLICES: usize = 9;
    /// Slices in one write: a turn's worth of the pieces that a stream with a small window has, and one for a part.
    const WRITE_SLICES: usize = 33;
    /// A read that brings less than it had room for, but so much, is followed by another: it has opened the window of a sender that
    /// waited, and what that sends at once leaves in the same batch.
    const GOES_ON: usize = 4 << 10;

    /// Wraps a connection; it wakes `key` of `ready`. The peer gets `first` before what comes from it.
    pub(super) fn new(
        id: StreamId,
        local: LocalStream,
        first: Vec<u8>,
        place: Option<StreamPlace>,
        ready: &Arc<Ready>,
        key: usize,
    ) -> Self {
        let (waker, stream_waker) = ready.waker(key);
        Self {
            id,
            local,
            first: first.into(),
            waker,
            stream_waker,
            reading: Reading::Told,
            write_ended: false,
            reset: None,
            in_due: false,
            wrote: None,
            asked: false,
            expected: Self::TURN,
            goes_on: false,
            since: Instant::now(),
            to_read: false,
            to_write: false,
            active: Instant::now(),
            carried: Carried::default(),
            _place: place,
        }
    }

    /// To be called before looking at a woken connection.
    pub(super) fn rearm(&self) {
        self.stream_waker.rearm();
    }

    /// Reads once from the connection into the stream.
    pub(super) fn pull(&mut self, now: Time, transport: &mut Transport) -> Step {
        if let Some(step) = self.settle() {
            return step;
        }
        if self.reading == Reading::Ended {
            return self.watch();
        }
        let told = self.reading == Reading::Told;
        if told && self.first.is_empty() && self.poll_read_ready().is_pending() {
            return Step::Wait(0);
        }
        let room = transport.poll_room(now, self.id).min(self.expected);
        if room == 0 {
            return self.starve(now, transport);
        }
        self.reading = if told { Reading::Told } else { Reading::Untold };
        match self.read(now, transport, room, told) {
            Ok(count) => {
                self.asked = true;
                self.goes_on = (Self::GOES_ON..room).contains(&count);
                self.expected = if count < room { (4 * count).clamp(PIECE, Self::TURN) } else { Self::TURN };
                Step::More(count)
            }
            Err(Stop::Blocked) => {
                self.reading = Reading::Told;
                // Asks to be woken; it may have become readable by now.
                match self.poll_read_ready() {
                    Poll::Ready(()) => Step::More(0),
                    Poll::Pending => Step::Wait(0),
                }
            }
            Err(Stop::End) => self.end_reading(now, transport),
            Err(Stop::Broken(error)) => Step::Broken(error),
        }
    }

    /// Takes the connection that was put into the place that is held for it; what to do while there is none.
    fn settle(&mut self) -> Option<Step> {
        let LocalStream::Held(held) = &self.local else { return None };
        match held.take(&self.waker) {
            Put::Nothing => Some(Step::Wait(0)),
            Put::Gone => Some(Step::Broken(was_reset(ResetCode::Reset))),
            Put::Connection(local, first) => {
                self.local = *local;
                self.first = first.into();
                None
            }
        }
    }

    /// Reads at most `room` bytes into the stream. `told`: the runtime is asked first.
    fn read(&mut self, now: Time, transport: &mut Transport, room: usize, told: bool) -> Result<usize, Stop> {
        // One more than fit: the first may be what is left of a piece.
        let slices = (room.div_ceil(PIECE) + 1).min(Self::SLICES);
        let Self { local, first, .. } = self;
        transport.write_with(now, self.id, slices, |places| {
            read(room, places, |bufs| match told {
                _ if !first.is_empty() => read_first(first, bufs),
                true => local.read(bufs),
                false => local.read_unasked(bufs),
            })
        })
    }

    /// Whether to read again at once, before what was read leaves.
    pub(super) fn goes_on(&mut self) -> bool {
        std::mem::take(&mut self.goes_on)
    }

    /// Whether its other end has sent FIN and all before that was read.
    pub(super) fn is_at_end(&self) -> bool {
        self.reading == Reading::Ended
    }

    /// Whether the stream had no room when there was something to read.
    pub(super) fn is_starved(&self) -> bool {
        self.reading == Reading::Starved
    }

    /// The stream has no room: nothing is read, but the connection's end is not missed.
    fn starve(&mut self, now: Time, transport: &mut Transport) -> Step {
        self.reading = Reading::Starved;
        if !self.first.is_empty() {
            // An end that shows now stands behind these.
            return Step::Wait(0);
        }
        match self.local.starve(&self.waker) {
            News::None => Step::Wait(0),
            News::Again => Step::More(0),
            News::End => self.end_reading(now, transport),
            News::EndAhead => self.watch(),
            News::Broken(error) => Step::Broken(error),
        }
    }

    /// The connection's other end has sent FIN: the stream is told, and only an RST can come.
    fn end_reading(&mut self, now: Time, transport: &mut Transport) -> Step {
        self.reading = Reading::Ended;
        transport.finish(now, self.id);
        self.watch()
    }

    fn watch(&mut self) -> Step {
        self.local.watch(&self.waker).map_or(Step::Wait(0), Step::Broken)
    }

    /// Writes what the stream has to the connection, and its end.
    pub(super) fn push(&mut self, now: Time, transport: &mut Transport) -> Step {
        if let Some(step) = self.settle() {
            return step;
        }
        let mut sum = 0;
        while transport.readable(self.id) > 0 {
            if sum >= Self::TURN {
                return Step::More(sum);
            }
            if self.poll_write_ready().is_pending() {
                return Step::Wait(sum);
            }
            match transport.read_with(now, self.id, |bytes| write(&self.local, bytes)) {
                Ok(count) => {
                    self.local.wrote(count);
                    self.wrote = Some(Instant::now());
                    sum += count;
                }
                Err(Stop::Blocked) => {}
                Err(Stop::End) => return Step::Wait(sum),
                Err(Stop::Broken(error)) => return Step::Broken(error),
            }
        }
        if transport.is_read_to_end(self.id) && self.reset.is_none() {
            self.finish();
            // The stream learns that its end has been taken, even where no byte came with it.
            let _ = transport.read_with(now, self.id, |_| Ok::<_, Infallible>(0));
        }
        Step::Wait(sum)
    }

    /// The connection cannot be written to any more. What its other end had sent before that is still there to be read, an
    /// early answer perhaps: as much of it as there is room for goes into the stream. Says how many bytes that are.
    pub(super) fn rescue(&mut self, now: Time, transport: &mut Transport) -> usize {
        let mut sum = 0;
        if self.reading == Reading::Ended {
            return sum;
        }
        loop {
            let room = transport.poll_room(now, self.id).min(Self::TURN);
            match self.read(now, transport, room, false) {
                Ok(count) if count > 0 => sum += count,
                Ok(_) | Err(_) => return sum,
            }
        }
    }

    /// The peer has reset the stream.
    pub(super) fn reset(&mut self, code: ResetCode) {
        self.reset = Some((code, Instant::now() + Self::BLOCKED));
    }

    /// When the RST is due that the peer has sent, with `left` bytes before it still to be written; `None`: now.
    pub(super) fn reset_due(&mut self, left: u64, wrote: usize) -> Option<Instant> {
        let (_, until) = self.reset.as_mut()?;
        let now = Instant::now();
        // This process takes them when it likes, or drops the stream.
        if wrote > 0 || self.local.is_pipe() {
            *until = now + Self::BLOCKED;
        }
        Some(*until).filter(|until| left > 0 && *until > now)
    }

    /// Until when the connection has to be left as it is, so that its other end gets what was written last.
    pub(super) fn lingers_until(&self) -> Option<Instant> {
        let wrote = self.wrote.filter(|_| self.local.loses_bytes_before_rst());
        wrote.map(|at| at + Self::LINGER).filter(|until| *until > Instant::now())
    }

    /// Whether its other end has sent FIN and nothing before.
    pub(super) fn asked_nothing(&self) -> bool {
        self.reading == Reading::Ended && !self.asked
    }

    /// Tells the connection's other end that nothing more will come.
    pub(super) fn finish(&mut self) {
        if !std::mem::replace(&mut self.write_ended, true) {
            self.local.finish();
        }
    }

    /// The peer has reached the target.
    pub(super) fn open(&self) {
        self.local.open();
    }

    /// The peer has all that came from the connection, and its end.
    pub(super) fn delivered(&self) {
        self.local.delivered();
    }

    /// Ends the connection with RST.
    pub(super) fn abort(self, code: ResetCode) {
        self.local.abort(code);
    }

    /// Asks whether there is something to read; what is wrong with the connection shows in the call that follows.
    fn poll_read_ready(&self) -> Poll<()> {
        self.local.poll_read_ready(&mut Context::from_waker(&self.waker))
    }

    fn poll_write_ready(&self) -> Poll<()> {
        self.local.poll_write_ready(&mut Context::from_waker(&self.waker))
    }
}

/// What a connection that is broken makes of its stream.
pub(super) fn code_of(error: &io::Error) -> ResetCode {
    reset_code(error).unwrap_or(ResetCode::Reset)
}

fn read(
    room: usize,
    places: &mut dyn Iterator<Item = &mut [u8]>,
    from: impl FnOnce(&mut [IoSliceMut<'_>]) -> io::Result<usize>,
) -> Result<usize, Stop> {
    let mut bufs: [_; Conn::SLICES] = std::array::from_fn(|_| IoSliceMut::new(&mut []));
    let (mut left, mut used) = (room, 0);
    for (buf, place) in bufs.iter_mut().zip(places) {
        let length = place.len().min(left);
        let (place, _) = place.split_at_mut(length);
        left -= length;
        used += 1;
        *buf = IoSliceMut::new(place);
    }
    match from(bufs.get_mut(..used).unwrap_or_default()) {
        Ok(0) => Err(Stop::End),
        Ok(count) => Ok(count),
        Err(error) => Err(Stop::of(error)),
    }
}

/// From what comes before the connection's own bytes; once it is gone it holds no memory.
fn read_first(first: &mut VecDeque<u8>, bufs: &mut [IoSliceMut<'_>]) -> io::Result<usize> {
    let read = first.read_vectored(bufs)?;
    if first.is_empty() {
        *first = VecDeque::new();
    }
    Ok(read)
}

fn write(local: &LocalStream, bytes: &mut dyn Iterator<Item = &[u8]>) -> Result<usize, Stop> {
    let mut bufs = [IoSlice::new(&[]); Conn::WRITE_SLICES];
    let (mut used, mut length) = (0, 0);
    for (buf, slice) in bufs.iter_mut().zip(bytes) {
        *buf = IoSlice::new(slice);
        (used, length) = (used + 1, length + slice.len());
        // The pieces of a stream with a large window are four times as long: this connection has had its turn, others wait.
        if length >= Conn::TURN {
            break;
        }
    }
    local.write(bufs.get(..used).unwrap_or_default()).map_err(Stop::of)
}

impl Stop {
    fn of(error: io::Error) -> Self {
        match error.kind() == io::ErrorKind::WouldBlock {
            true => Self::Blocked,
            false => Self::Broken(error),
        }
    }
}
