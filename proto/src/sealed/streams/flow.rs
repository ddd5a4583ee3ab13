//! A flow: what a stream has that carries datagrams.

use crate::destination::Destination;
use crate::sealed::streams::datagram_queue::{DatagramQueue, HeldDatagrams};
use crate::sealed::streams::flow_schedule::FlowTurn;
use crate::sealed::streams::framing::Framing;

/// The datagrams of a flow, both ways.
#[derive(Debug, Default)]
pub(crate) struct Flow {
    /// What waits to be sent in frames of its own.
    pub(crate) send: DatagramQueue,
    /// What came and has not been read.
    pub(crate) recv: DatagramQueue,
    /// The reader of what comes framed.
    pub(crate) framing: Framing,
    /// Its place in the schedule.
    pub(crate) turn: FlowTurn,
    /// Whether the application has been notified that there is something to read, and has not read all of it since.
    pub(crate) notified_readable: bool,
}

impl Flow {
    /// A flow, if a stream to `destination` is one.
    pub(crate) fn to(destination: &[u8]) -> Option<Box<Self>> {
        let is_flow = Destination::from_wire(destination).is_ok_and(|destination| destination.is_udp());
        is_flow.then(Box::default)
    }

    /// Nothing is read of it any more; how many datagrams that drops.
    pub(crate) fn stop_reading(&mut self, held: &mut HeldDatagrams) -> u64 {
        self.framing.clear().into_iter().for_each(|length| held.release(length));
        self.recv.clear(held)
    }
}
