//! Where a program listens. Nothing ends because a network is not up yet: an address of this machine, or the name of one,
//! may come later.

#[cfg_attr(any(target_os = "linux", target_os = "android"), path = "listen/absent_linux.rs")]
#[cfg_attr(not(any(target_os = "linux", target_os = "android")), path = "listen/absent_other.rs")]
mod absent;

use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use socket2::Socket;
use tokio::time::sleep;
use tracing::warn;

use crate::address::{Listen, ResolveError};
use crate::bind_error::{BindError, resolve_listen};
use crate::local::listener::bind_tcp;
use crate::passed;
use crate::settings::ListenOn;

/// Binds `socket`, where the system can also to an address that this machine does not have yet.
///
/// # Errors
/// Those of `bind`.
pub(crate) fn bind(socket: &Socket, address: SocketAddr) -> io::Result<()> {
    let refused = match socket.bind(&address.into()) {
        Err(error) if error.kind() == io::ErrorKind::AddrNotAvailable => error,
        result => return result,
    };
    // A family that is switched off does not come with a network.
    if address.ip().is_unspecified() || address.ip().is_loopback() || absent::allow(socket, address).is_err()
    {
        return Err(refused);
    }
    socket.bind(&address.into())?;
    let ip = address.ip();
    warn!("this machine has no address {ip} yet: listening for when it has; check it if that is not meant");
    Ok(())
}

/// The address to bind. A name service that cannot be asked is asked until it answers.
///
/// # Errors
/// There is no such name.
pub(crate) async fn resolve(listen: &Listen) -> Result<SocketAddr, ResolveError> {
    /// A name service answers at once when it is there, and asking is cheap.
    const PAUSE: Duration = Duration::from_secs(1);
    let mut told = false;
    loop {
        match listen.resolve().await {
            Err(error) if !error.is_answer() => {
                if !std::mem::replace(&mut told, true) {
                    warn!("{error}. Still trying, nothing is listened on until then");
                }
                sleep(PAUSE).await;
            }
            result => return result,
        }
    }
}

/// A TCP listener for what a program serves beside its session: the one that it was started with, or another. It does not block. A name service that cannot be asked is asked
/// until it answers. Cancel safe.
///
/// # Errors
/// [`BindError::Host`], [`BindError::Forward`]: the address cannot be had.
pub async fn listen_tcp(listen: &Listen) -> Result<std::net::TcpListener, BindError> {
    let address = resolve_listen(listen).await?;
    let listener = match passed::tcp(address) {
        Ok(Some(passed)) => passed.set_nonblocking(true).map(|()| passed),
        Ok(None) => bind_tcp(address),
        Err(error) => Err(error),
    };
    listener.map_err(|error| BindError::Forward { listen: ListenOn::Tcp(listen.clone()), error })
}

#[cfg(test)]
mod tests {
    use socket2::{Domain, Protocol, Type};

    use super::*;

    #[test]
    fn an_address_of_later_is_bound_where_the_system_can() {
        // Of the blocks for documentation, RFC 5737 and RFC 3849.
        for text in ["192.0.2.77:0", "[2001:db8::77]:0"] {
            let address: SocketAddr = text.parse().unwrap();
            for (kind, protocol) in [(Type::STREAM, Protocol::TCP), (Type::DGRAM, Protocol::UDP)] {
                // Not every machine has IPv6.
                let Ok(socket) = Socket::new(Domain::for_address(address), kind, Some(protocol)) else {
                    continue;
                };
                assert_eq!(bind(&socket, address).is_ok(), absent::CAN, "{text}");
            }
        }
    }

    #[test]
    fn what_no_network_brings_is_refused() {
        let address: SocketAddr = "127.0.0.1:0".parse().unwrap();
        let socket = || Socket::new(Domain::IPV4, Type::DGRAM, Some(Protocol::UDP)).unwrap();
        let first = socket();
        bind(&first, address).unwrap();
        let taken = first.local_addr().unwrap().as_socket().unwrap();
        assert_eq!(bind(&socket(), taken).unwrap_err().kind(), io::ErrorKind::AddrInUse);
    }
}
