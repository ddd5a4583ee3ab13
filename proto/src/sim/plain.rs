//! Packets in clear, for a transport without a link: they carry a number where a link's are sealed.

use super::network::CLIENT;
use crate::sealed::transport::{Fault, Transport};
use crate::sealed::wire::ecn::Ecn;
use crate::sealed::wire::packet::OVERHEAD;
use crate::time::Time;
use std::collections::BTreeSet;
use std::net::SocketAddr;

/// Bytes of the number before the frames. The rest of [`OVERHEAD`] stands behind them, so that packets have the size of sealed ones.
const NUMBER: usize = 8;

/// Room for the frames of the largest packet.
const ROOM: usize = 9_000;

/// Where packets of a transport go, which knows no addresses: to the client of every new [`Network`](super::Network), and so to a
/// server as well.
pub(crate) const PEER: SocketAddr = CLIENT;

/// What a link does for its transport: no packet gets through twice.
#[derive(Debug)]
pub(crate) struct PlainPackets {
    seen: BTreeSet<u64>,
    room: Vec<u8>,
}

impl Default for PlainPackets {
    fn default() -> Self {
        Self { seen: BTreeSet::new(), room: vec![0; ROOM + OVERHEAD] }
    }
}

impl PlainPackets {
    /// Gives a packet to the transport, if it is a new one.
    pub(crate) fn receive(
        &mut self,
        now: Time,
        transport: &mut Transport,
        ecn: Ecn,
        packet: &[u8],
    ) -> Result<(), Fault> {
        let Some((number, payload)) = packet.split_first_chunk::<NUMBER>() else { return Ok(()) };
        let number = u64::from_be_bytes(*number);
        if !self.seen.insert(number) {
            return Ok(());
        }
        let frames = payload.len() - (OVERHEAD - NUMBER);
        transport.on_ecn(ecn);
        transport.handle_packet(now, number, &payload[..frames])
    }

    /// Hands all packets that may leave now to `send`.
    pub(crate) fn transmit(
        &mut self,
        now: Time,
        transport: &mut Transport,
        mut send: impl FnMut(Ecn, &[u8]),
    ) {
        while let Some(built) = transport.poll_packet(now, &mut self.room[NUMBER..NUMBER + ROOM]) {
            self.room[..NUMBER].copy_from_slice(&built.number.to_be_bytes());
            send(built.ecn, &self.room[..built.length + OVERHEAD]);
        }
    }
}
