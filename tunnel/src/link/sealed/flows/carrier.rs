//! Whether the peer carries datagrams.

use proto::sealed::handshake::terms::Features;
use proto::sealed::link::Link;

/// Whether the peer understands flows. Unknown, and taken for granted, while the link is not up: an older peer refuses the stream.
pub(in crate::link::sealed) fn peer_takes(link: &Link) -> bool {
    !link.is_up() || link.peer_features().has(Features::DATAGRAMS)
}
