//! How the streams of a session begin and end: what is done and written of that.

use std::fmt::Display;
use std::io::IoSlice;

use proto::classic::{Closed, Reason, Stream};

use super::driver::Driver;
use super::side::Side;

impl<S: Side> Driver<S> {
    pub(super) fn open(&mut self, stream: Stream<S::Peer>, early: &[u8]) {
        self.journal.opened(stream);
        self.records.open(stream);
        self.conns.open(stream);
        if !early.is_empty() {
            self.put(stream, &[IoSlice::new(early)]);
        }
    }

    pub(super) fn close(&mut self, closed: Closed<S::Peer>) {
        let record = self.records.end(closed.stream);
        match closed.reason {
            Reason::Refused | Reason::NoAnswer => self.journal.refused(&closed.reason),
            Reason::Peer | Reason::Finished | Reason::Idle => {
                self.journal.closed(closed.stream, record.as_ref(), &closed.reason);
            }
        }
        self.conns.close(closed.stream, closed.reason == Reason::Peer);
    }

    /// A stream is over, for a reason of this side: its connection is broken, for one.
    pub(super) fn end_stream(&mut self, stream: Stream<S::Peer>, reason: &dyn Display) {
        let record = self.records.end(stream);
        self.journal.closed(stream, record.as_ref(), reason);
        self.conns.remove(stream);
        self.side.close(self.clock.now(), stream);
    }
}
