//! What is at an end of the network.

use crate::sealed::link::FourTuple;
use crate::sealed::wire::ecn::Ecn;
use crate::time::Time;
use std::net::SocketAddr;

/// A machine with a program on it, seen from its network card. [`LinkEnd`](super::LinkEnd) and [`Server`](super::Server) are the two
/// sides of a sealed link; implement it for a program of your own to see it on a bad network.
pub trait Host {
    /// A datagram has arrived from `from`, with `ecn` in its IP header. What it makes the host send leaves with the next [`Host::drive`].
    fn handle(&mut self, now: Time, from: SocketAddr, ecn: Ecn, datagram: &mut [u8]);

    /// Does all that is due at `now`, and hands each datagram that leaves to `send`, with its destination and what its IP header
    /// says.
    fn drive(&mut self, now: Time, send: &mut dyn FnMut(FourTuple, Ecn, &[u8]));

    /// When it wants to be driven next, if nothing arrives before; [`Time::NEVER`]: not at all.
    fn poll_timeout(&self, now: Time) -> Time;
}
