//! Why a proxy1 does not reach its proxy2, and what the path between them does to datagrams: for `proxy1 check`.
//!
//! It drives links of its own, each from a UDP socket that is connected to one address, because the system tells such a socket of
//! ICMP messages, and so that nothing of a running proxy1 stands between it and the path.
//!
//! - [`knock()`]: what one address says
//! - [`Joined::measure`]: delay, loss, sizes, and what becomes of a load
//! - [`mapping_life`]: how soon a NAT forgets
//! - `driver`, `socket`: a link and its socket

mod driver;
mod flow;
mod knock;
mod measure;
mod nat;
mod socket;
#[cfg(test)]
mod tests;

use std::net::SocketAddr;

use crate::address::{HostPorts, ResolveError};

pub use self::knock::{Answered, Joined, Knocked, knock};
pub use self::measure::{Load, Measures, NotMeasured, Plan, Share};
pub use self::nat::{MappingLife, mapping_life};
pub use proto::sealed::handshake::terms::Refusal;

/// All addresses of a place with each of its ports, both families. Waits for a name service for 4 s at the most. Cancel safe.
///
/// # Errors
/// Its name leads nowhere.
pub async fn look_up(place: &HostPorts) -> Result<Vec<SocketAddr>, ResolveError> {
    place.resolve_at_start().await
}

/// Where a ticket says that its proxy2 is.
pub fn places_of(ticket: &proto::ticket::Ticket) -> Vec<HostPorts> {
    crate::link::sealed::places_of(ticket)
}
