//! One end: a transport and its application, and what holds of them at every moment.

use super::application::StreamUser;
use crate::sealed::link::FourTuple;
use crate::sealed::streams::budget::Budget;
use crate::sealed::streams::table;
use crate::sealed::transport::{Settings, Transport};
use crate::sealed::wire::ecn::Ecn;
use crate::sim::Host;
use crate::sim::plain::{PEER, PlainPackets};
use crate::time::Time;
use std::net::SocketAddr;

#[derive(Debug)]
pub(super) struct FuzzedSide {
    pub(super) transport: Transport,
    pub(super) application: StreamUser,
    packets: PlainPackets,
    /// The most bytes that it may hold.
    memory: u64,
}

impl FuzzedSide {
    pub(super) fn new(side: table::Side, settings: Settings, budget: &Budget) -> Self {
        let mut transport = Transport::new(side, settings);
        transport.join(budget);
        transport.set_peer_limits(&Transport::limits(&settings));
        let (application, packets) = (StreamUser::default(), PlainPackets::default());
        Self { transport, application, packets, memory: settings.memory }
    }

    /// Whether nothing is left to do or to hold.
    pub(super) fn is_empty(&self) -> bool {
        self.transport.is_idle() && self.transport.memory() == 0 && self.application.is_empty()
    }
}

impl Host for FuzzedSide {
    fn handle(&mut self, now: Time, _from: SocketAddr, ecn: Ecn, packet: &mut [u8]) {
        let fault = self.packets.receive(now, &mut self.transport, ecn, packet);
        assert!(fault.is_ok(), "{self}: an honest peer was called faulty: {fault:?}");
    }

    fn drive(&mut self, now: Time, send: &mut dyn FnMut(FourTuple, Ecn, &[u8])) {
        self.transport.handle_timeout(now);
        self.application.work(now, &mut self.transport);
        self.packets.transmit(now, &mut self.transport, |ecn, packet| send(PEER.into(), ecn, packet));
        let held = self.transport.memory() as u64;
        assert!(held <= self.memory, "{held} bytes held, {self}");
        self.transport.check_accounts();
    }

    fn poll_timeout(&self, _now: Time) -> Time {
        self.transport.poll_timeout()
    }
}

impl std::fmt::Display for FuzzedSide {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let transport = &self.transport;
        let state = (
            transport.stream_count(),
            transport.memory(),
            transport.is_waiting(),
            transport.is_idle(),
            transport.counts(),
        );
        write!(f, "{state:?}, {:?} {}", self.application, transport.describe())
    }
}
