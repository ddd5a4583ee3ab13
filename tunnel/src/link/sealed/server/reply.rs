//! Replies to handshake initiations: they leave by the socket that the initiation came to.

use proto::sealed::link::FourTuple;

use crate::link::sealed::tally::Tally;
use crate::metrics::Count;
use crate::udp::{self, Udp};

/// Sends a reply to a handshake initiation. One that the system does not take now will be asked for again.
pub(crate) fn reply(sockets: &[Udp], tally: &mut Tally, to: FourTuple, contents: &[u8]) {
    let transmit =
        udp::Transmit { destination: to.remote, ecn: None, contents, segment_size: None, src_ip: to.local };
    let sent = sockets.get(usize::from(to.socket.0)).map(|udp| udp.try_send(&transmit));
    tally.one(if matches!(sent, Some(Ok(_))) { Count::DatagramsSent } else { Count::NotSent });
}
