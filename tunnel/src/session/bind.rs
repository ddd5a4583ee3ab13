//! How each kind of session gets its sockets.

pub(super) mod classic;
mod client;
mod server;

use std::net::SocketAddr;

use super::Session;
use crate::address::Listen;
use crate::bind_error::BindError;
use crate::passed;
use crate::settings::ProxySettings;
use crate::udp::Udp;

pub(super) async fn bind(settings: ProxySettings) -> Result<Session, BindError> {
    match settings {
        ProxySettings::ClassicEntry(settings) => classic::entry(settings).await,
        ProxySettings::ClassicExit(settings) => classic::exit(settings).await,
        ProxySettings::Client(settings) => client::client(settings).await,
        ProxySettings::Server(settings) => server::server(settings).await,
    }
}

fn bind_udp(listen: &Listen, address: SocketAddr, buffer: usize) -> Result<Udp, BindError> {
    let passed = passed::udp(address).transpose();
    let bound = passed.map_or_else(
        || Udp::bind(address, buffer),
        |socket| socket.and_then(|socket| Udp::passed(socket, buffer)),
    );
    bound.map_err(|error| BindError::Udp { address: listen.clone(), error })
}
