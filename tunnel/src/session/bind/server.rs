//! The end that is joined.

use std::io;
use std::net::SocketAddr;
use std::path::PathBuf;

use proto::sealed::crypto::keys::PrivateKey;
use tracing::info;

use super::bind_udp;
use crate::address::Listen;
use crate::bind_error::{BindError, resolve_listen};
use crate::invitation::Invitation;
use crate::link::sealed;
use crate::session::checks::{check_buffer, check_descriptors, check_target};
use crate::session::own_names::{names_forwarded, published};
use crate::session::{Proxy, Session};
use crate::settings::{ServerSettings, StateSource};
use crate::state::{StateDir, Tickets, Watch};
use crate::udp::Udp;

pub(super) async fn server(settings: ServerSettings) -> Result<Session, BindError> {
    let address = resolve_listen(&settings.listen).await?;
    // Its name was given for this start; those of the others may come and go.
    if let Some(target) = &settings.allow.target {
        check_target(target).await?;
    }
    let sockets = bind_ports(&settings, address)?;
    let udp_addresses: io::Result<Vec<_>> = sockets.iter().map(Udp::local_addr).collect();
    let udp_addresses = udp_addresses.map_err(BindError::Socket)?;
    if let Some(udp) = sockets.first() {
        check_buffer(udp, settings.link.socket_buffer)?;
    }
    check_descriptors(settings.link.max_streams);
    let Known { key, tickets, folder, invitation } = known(&settings.state, &udp_addresses)?;
    let mut forwards = names_forwarded(&settings).await?;
    for (forwarding, _) in &mut forwards {
        forwarding.lend().map_err(BindError::Socket)?;
    }
    let listening: Vec<_> = forwards.iter().map(|(forwarding, _)| forwarding.bound().clone()).collect();
    let published = published(&settings)?;
    let resources = sealed::ServerResources { key, tickets, folder, sockets, forwards, published };
    let server = sealed::Server::new(&settings, resources);
    for bound in &listening {
        info!(listening = %bound, "proxy2 accepts clients");
    }
    for listening in &udp_addresses {
        info!(%listening, "proxy2 accepts UDP datagrams");
    }
    let session = Session::new(udp_addresses, listening, Proxy::Server(Box::new(server)));
    Ok(Session { invitation, ..session })
}

/// Whose proxy2 it is, and who may join.
struct Known {
    key: PrivateKey,
    tickets: Tickets,
    /// Where those are, if they are in a folder.
    folder: Option<PathBuf>,
    invitation: Option<Invitation>,
}

fn known(source: &StateSource, addresses: &[SocketAddr]) -> Result<Known, BindError> {
    match source {
        StateSource::Given { key, tickets } => {
            Ok(Known { key: key.clone(), tickets: tickets.clone().into(), folder: None, invitation: None })
        }
        StateSource::Folder(path) => {
            let folder = StateDir::locate(path.clone())?;
            let state = folder.server()?;
            let invitation = Some(Invitation::new(addresses.to_vec(), &folder, &state));
            let key = state.key.clone();
            let path = Some(folder.path().to_owned());
            let (watch, tickets) = Watch::new(folder, state);
            tokio::spawn(watch.run());
            Ok(Known { key, tickets, folder: path, invitation })
        }
    }
}

fn bind_ports(settings: &ServerSettings, address: SocketAddr) -> Result<Vec<Udp>, BindError> {
    let ServerSettings { listen, also_ports, link, .. } = settings;
    if also_ports.len() > ServerSettings::MAX_PORTS {
        return Err(BindError::Ports(also_ports.len()));
    }
    let lend = |udp: Udp| udp.lent().map_err(BindError::Socket);
    let mut sockets = vec![lend(bind_udp(listen, address, link.socket_buffer)?)?];
    for port in also_ports {
        // The same address, with its zone.
        let (listen, mut address) = (Listen { port: *port, ..listen.clone() }, address);
        address.set_port(*port);
        sockets.push(lend(bind_udp(&listen, address, link.socket_buffer)?)?);
    }
    Ok(sockets)
}
