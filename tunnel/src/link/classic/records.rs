//! What is known of each stream of a session beside what carries it: for its line in the log, and for who looks.

use std::collections::BTreeMap;
use std::time::Instant;

use proto::classic::Stream;

use crate::local::listener::ClientName;
use crate::number::widen;

/// One stream.
#[derive(Debug)]
pub(super) struct StreamRecord {
    /// Who it is for: at proxy2 its proxy1.
    pub(super) client: Option<ClientName>,
    /// Where it goes; empty at proxy1.
    pub(super) target: String,
    /// Since when there is one.
    pub(super) begun: Instant,
    /// When it last carried something.
    pub(super) active: Instant,
    /// It carries bytes.
    pub(super) open: bool,
    /// Bytes from the connection to the other proxy.
    pub(super) sent: u64,
    /// Bytes from the other proxy, also those that were dropped.
    pub(super) received: u64,
}

/// All streams of a session.
#[derive(Debug)]
pub(super) struct Records<P>(BTreeMap<Stream<P>, StreamRecord>);

impl<P: Copy + Ord> Records<P> {
    /// No streams.
    pub(super) const fn new() -> Self {
        Self(BTreeMap::new())
    }

    /// A stream begins.
    pub(super) fn begin(&mut self, stream: Stream<P>, client: Option<ClientName>, target: String) {
        let now = Instant::now();
        let record =
            StreamRecord { client, target, begun: now, active: now, open: false, sent: 0, received: 0 };
        self.0.insert(stream, record);
    }

    /// It carries bytes from now on.
    pub(super) fn open(&mut self, stream: Stream<P>) {
        if let Some(record) = self.0.get_mut(&stream) {
            record.open = true;
        }
    }

    /// So many bytes went to the other proxy.
    pub(super) fn sent(&mut self, stream: Stream<P>, bytes: u64) {
        if let Some(record) = self.0.get_mut(&stream) {
            record.sent += bytes;
            record.active = Instant::now();
        }
    }

    /// So many came from there.
    pub(super) fn received(&mut self, stream: Stream<P>, bytes: usize) {
        if let Some(record) = self.0.get_mut(&stream) {
            record.received += widen(bytes);
            record.active = Instant::now();
        }
    }

    /// The stream is over.
    pub(super) fn end(&mut self, stream: Stream<P>) -> Option<StreamRecord> {
        self.0.remove(&stream)
    }

    /// All are over.
    pub(super) fn end_all(&mut self) -> BTreeMap<Stream<P>, StreamRecord> {
        std::mem::take(&mut self.0)
    }

    /// All of them.
    pub(super) fn iter(&self) -> impl Iterator<Item = (Stream<P>, &StreamRecord)> {
        self.0.iter().map(|(stream, record)| (*stream, record))
    }

    /// How many there are.
    pub(super) fn len(&self) -> usize {
        self.0.len()
    }
}
