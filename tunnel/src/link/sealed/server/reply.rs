//! Replies to handshake initiations: they leave by the socket that the initiation came to.

use proto::sealed::link::FourTuple;

use crate::metrics::Counters;
use crate::udp::{self, Udp};

/// Sends a reply to a handshake initiation. One that the system does not take now will be asked for again.
pub(crate) fn reply(sockets: &[Udp], counters: &mut Counters, to: FourTuple, contents: &[u8]) {
    let transmit =
        udp::Transmit { destination: to.remote, ecn: None, contents, segment_size: None, src_ip: to.local };
    let sent = sockets.get(usize::from(to.socket.0)).map(|udp| udp.try_send(&transmit));
    let is_sent = matches!(sent, Some(Ok(_)));
    *if is_sent { &mut counters.datagrams_sent } else { &mut counters.datagrams_not_sent } += 1;
}
