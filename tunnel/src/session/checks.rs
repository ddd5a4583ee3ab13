//! What is looked at before a session starts.

use tracing::warn;

use crate::address::{HostPort, HostPorts, ResolveError};
use crate::bind_error::BindError;
use crate::descriptors;
use crate::udp::Udp;

/// Says once if the socket's buffers are so small that bursts get lost (and sent again).
pub(super) fn check_buffer(udp: &Udp, wanted: usize) -> Result<(), BindError> {
    /// About 4 ms at 4 Gbit/s: less, and a proxy that is kept from running for a moment loses datagrams.
    const ENOUGH: usize = 2 << 20;
    let granted = udp.granted().map_err(BindError::Socket)?;
    if granted.recv.min(granted.send) < ENOUGH.min(wanted) {
        warn!(
            received = granted.recv,
            sent = granted.send,
            wanted,
            "the UDP socket buffers are small, fast transfers will be slower: raise net.core.rmem_max and wmem_max"
        );
    }
    Ok(())
}

/// Says once if there are fewer descriptors than connections of the streams that were asked for; how many can be had.
pub(super) fn check_descriptors(streams: usize) -> usize {
    let possible = streams.min(descriptors::for_connections());
    if possible < streams {
        warn!(
            streams,
            possible,
            "so many streams cannot be had, each needs a descriptor: raise the hard limit of open files (ulimit -Hn)"
        );
    }
    possible
}

pub(super) async fn check_target(target: &HostPort) -> Result<(), BindError> {
    if let Some(error) = check_host("HOST PORT", target).await? {
        warn!("{error}. It is looked up again for each connection");
    }
    Ok(())
}

/// Finds a mistyped name at the start. A name service that cannot be asked yet keeps nobody from starting, since the network may come
/// later: what it is then.
async fn check_host(argument: &'static str, host: &HostPort) -> Result<Option<ResolveError>, BindError> {
    match host.resolve_at_start().await {
        Err(error) if error.is_answer() => Err(BindError::Host { argument, text: host.to_string(), error }),
        result => Ok(result.err()),
    }
}

/// The same for all places of proxy2: it is enough that one may be there.
pub(super) async fn check_places(argument: &'static str, places: &[HostPorts]) -> Result<(), BindError> {
    if places.is_empty() {
        return Err(BindError::NoPlace);
    }
    let mut unknown = None;
    for place in places {
        match check_host(argument, &place.with_first_port()).await {
            Ok(_) => return Ok(()),
            Err(error) => unknown = Some(error),
        }
    }
    unknown.map_or(Ok(()), Err)
}
