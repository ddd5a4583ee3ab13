//! A UDP socket that is connected to one address of proxy2: what ICMP says of it is told to this socket.

use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use tokio::net::UdpSocket;

use crate::udp;

/// Opens it, on a port that the system chooses. Nothing is sent. No datagram of it is cut into fragments, where the system can be told so.
///
/// # Errors
/// There is no way to the address, or no descriptor.
pub(super) async fn connected(peer: SocketAddr) -> io::Result<UdpSocket> {
    let any: IpAddr =
        if peer.is_ipv4() { Ipv4Addr::UNSPECIFIED.into() } else { Ipv6Addr::UNSPECIFIED.into() };
    let socket = UdpSocket::bind((any, 0)).await?;
    udp::forbid_fragments(&socket, peer.is_ipv6());
    socket.connect(peer).await?;
    Ok(socket)
}
