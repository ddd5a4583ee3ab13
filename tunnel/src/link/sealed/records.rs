//! What is known of each stream of a link beside what carries it: for its line in the log, and for who looks.

use std::collections::BTreeMap;
use std::time::Instant;

use proto::sealed::wire::frame::StreamId;

use crate::local::listener::ClientName;

/// Bytes that a stream has carried.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Carried {
    /// From the local end into the stream.
    pub(super) sent: u64,
    /// From the stream to the local end.
    pub(super) received: u64,
}

/// One stream.
#[derive(Debug)]
pub(super) struct StreamRecord {
    /// Who it is for, where this side knows.
    pub(super) client: Option<ClientName>,
    /// Where it goes; empty: where the other end takes it that says nothing.
    pub(super) target: String,
    /// The peer has opened it.
    pub(super) of_peer: bool,
    /// It stands for a flow of datagrams.
    pub(super) is_flow: bool,
    /// Since when there is one.
    pub(super) begun: Instant,
    /// What it has carried, once what carried it is gone.
    pub(super) carried: Carried,
}

impl StreamRecord {
    /// One of this side that begins now.
    fn new(client: Option<ClientName>, target: String, is_flow: bool) -> Self {
        let (begun, carried) = (Instant::now(), Carried::default());
        Self { client, target, of_peer: false, is_flow, begun, carried }
    }
}

/// All streams of a link.
#[derive(Debug, Default)]
pub(super) struct Records(BTreeMap<StreamId, StreamRecord>);

impl Records {
    /// A client came, for a target in the words of the specification.
    pub(super) fn begin(&mut self, id: StreamId, client: ClientName, target: String, is_flow: bool) {
        self.0.insert(id, StreamRecord::new(Some(client), target, is_flow));
    }

    /// The peer asks for a stream, for a client where this side knows it.
    pub(super) fn begin_peers(
        &mut self,
        id: StreamId,
        client: Option<ClientName>,
        target: String,
        is_flow: bool,
    ) {
        self.0.insert(id, StreamRecord { of_peer: true, ..StreamRecord::new(client, target, is_flow) });
    }

    /// One of them.
    pub(super) fn get_mut(&mut self, id: StreamId) -> Option<&mut StreamRecord> {
        self.0.get_mut(&id)
    }

    /// All of them, in the order of their ids.
    pub(super) fn iter(&self) -> impl Iterator<Item = (StreamId, &StreamRecord)> {
        self.0.iter().map(|(id, record)| (*id, record))
    }

    /// How many there are.
    pub(super) fn len(&self) -> usize {
        self.0.len()
    }

    /// The stream is over.
    pub(super) fn end(&mut self, id: StreamId) -> Option<StreamRecord> {
        self.0.remove(&id)
    }

    /// All are over.
    pub(super) fn end_all(&mut self) -> BTreeMap<StreamId, StreamRecord> {
        std::mem::take(&mut self.0)
    }
}
