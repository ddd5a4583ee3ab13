//! The two ends of the classic link.

use tracing::{info, warn};

use super::bind_udp;
use crate::bind_error::{BindError, resolve_listen};
use crate::link::classic::{self, Driver};
use crate::local::dial::DialSettings;
use crate::local::forwarding::Bound;
use crate::local::listener::Listener;
use crate::session::checks::check_target;
use crate::session::{Proxy, Session};
use crate::settings::{Classic, ClassicEntry, ClassicExit, ListenOn};
use crate::udp::Udp;

pub(super) async fn entry(settings: ClassicEntry) -> Result<Session, BindError> {
    let ClassicEntry { listen, peer, options } = settings;
    let address = resolve_listen(&listen).await?;
    let text = peer.to_string();
    let peer = classic::peer::Peer::find(peer).await;
    let peer = peer.map_err(|error| BindError::Host { argument: "HOST PORT", text, error })?;
    let clients = Listener::passed_or_bound(address, options.tcp_keepalive);
    let clients = clients.map_err(|error| BindError::Forward { listen: ListenOn::Tcp(listen), error })?;
    let listening = clients.local_addr().map_err(BindError::Socket)?;
    let udp = Udp::bind_any(options.socket_buffer).map_err(BindError::Socket)?;
    let udp_address = udp.local_addr().map_err(BindError::Socket)?;
    let side = classic::entry::Entry::new(options.table.clone(), clients, peer);
    let proxy = Proxy::ClassicEntry(Box::new(drive(side, udp, &options)?));
    info!(%listening, "proxy1 accepts TCP connections");
    Ok(Session::new(vec![udp_address], vec![Bound::Tcp(listening)], proxy))
}

pub(super) async fn exit(settings: ClassicExit) -> Result<Session, BindError> {
    let ClassicExit { listen, target, options } = settings;
    let address = resolve_listen(&listen).await?;
    check_target(&target).await?;
    let udp = bind_udp(&listen, address, options.socket_buffer)?;
    let udp_address = udp.local_addr().map_err(BindError::Socket)?;
    let dialling = DialSettings {
        limit: options.dial_limit,
        keepalive: options.tcp_keepalive,
        own_udp: [udp_address].into(),
    };
    let side = classic::exit::Exit::new(options.table.clone(), target, dialling);
    let proxy = Proxy::ClassicExit(Box::new(drive(side, udp, &options)?));
    info!(listening = %udp_address, "proxy2 accepts UDP datagrams");
    Ok(Session::new(vec![udp_address], Vec::new(), proxy))
}

/// Says what a classic link is not, and whether its socket is large enough.
pub(in crate::session) fn drive<S: classic::Side>(
    side: S,
    udp: Udp,
    options: &Classic,
) -> Result<Driver<S>, BindError> {
    /// Below this the default rate of a peer like us is less than 1 Gbit/s.
    const ENOUGH: usize = 2 << 20;
    warn!(
        "the classic link has no encryption and no authentication: anyone on the path can read and alter it"
    );
    let granted = udp.granted().map_err(BindError::Socket)?;
    if granted.recv < ENOUGH.min(options.socket_buffer) {
        warn!(
            granted = granted.recv,
            wanted = options.socket_buffer,
            "the UDP receive buffer is small, a fast sender can overrun it: raise net.core.rmem_max"
        );
    }
    Driver::new(side, udp, options).map_err(BindError::Socket)
}
