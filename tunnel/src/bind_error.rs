//! Why a session cannot start.

use std::io;
use std::net::SocketAddr;
use std::path::Path;

use proto::destination::Destination;

use crate::address::{AddressError, Listen, ResolveError};
use crate::descriptors;
use crate::listen;
use crate::session::NotRegistered;
use crate::settings::{ListenOn, ReverseAt, ReverseTo, ServerSettings};
use crate::state::StateError;

/// Why a session cannot start. Each message names the argument and what to do.
#[derive(Debug, thiserror::Error)]
pub enum BindError {
    /// Where clients are to connect cannot be had.
    #[error("cannot listen on {} {listen}: {}", protocol(listen), forward_advice(listen, error))]
    Forward {
        /// The argument.
        listen: ListenOn,
        /// What the system said.
        error: io::Error,
    },
    /// Datagrams are to be carried as bytes, or bytes as datagrams.
    #[error("cannot carry {listen} to {to}: {}", kinds_advice(listen))]
    Kinds {
        /// Where clients come.
        listen: ListenOn,
        /// Where they are to be carried to.
        to: Destination,
    },
    /// A forward of proxy2 leads to something else than a name.
    #[error(
        "the forward from {0} leads to no name that takes connections: proxy2 itself carries clients to published names only, like @files, and datagrams to none: a proxy1 can"
    )]
    NoName(ListenOn),
    /// Something that proxy2 itself cannot publish.
    #[error(
        "proxy2 itself cannot have {at} lead to {to}: it publishes names that lead to TCP or UDP ports and Unix sockets"
    )]
    Publish {
        /// Where clients would come.
        at: ReverseAt,
        /// What would be dialled.
        to: ReverseTo,
    },
    /// A reverse forward that cannot be.
    #[error(transparent)]
    Reverse(#[from] NotRegistered),
    /// The address for datagrams cannot be had.
    #[error("cannot listen on UDP {address}: {}", bind_advice(error))]
    Udp {
        /// The argument.
        address: Listen,
        /// What the system said.
        error: io::Error,
    },
    /// The text is no address to listen on.
    #[error(transparent)]
    Address(#[from] AddressError),
    /// A host that something is to be sent to is unknown.
    #[error("{argument} {text}: {error}")]
    Host {
        /// The argument's name.
        argument: &'static str,
        /// The argument.
        text: String,
        /// What the resolver said.
        error: ResolveError,
    },
    /// Nobody said where proxy2 is.
    #[error(
        "where is proxy2? Give its HOST PORT, or a ticket that says it (`proxy2 ticket add NAME --at HOST:PORT`)"
    )]
    NoPlace,
    /// More UDP ports than there may be.
    #[error("{0} further UDP ports are too many: at most {max}", max = ServerSettings::MAX_PORTS)]
    Ports(usize),
    /// No UDP socket for the link.
    #[error("cannot open a UDP socket: {}", descriptors::explain(.0))]
    Socket(io::Error),
    /// No ticket, or no key.
    #[error(transparent)]
    State(#[from] StateError),
}

/// The address to bind. A name service that cannot be asked is asked until it answers.
///
/// # Errors
/// [`BindError::Host`]: there is no such name.
pub(crate) async fn resolve_listen(listen: &Listen) -> Result<SocketAddr, BindError> {
    let unknown = |error| BindError::Host { argument: "[ADDR:]PORT", text: listen.to_string(), error };
    listen::resolve(listen).await.map_err(unknown)
}

const fn protocol(listen: &ListenOn) -> &'static str {
    match listen {
        ListenOn::Tcp(_) => "TCP",
        ListenOn::Udp(_) => "UDP",
        ListenOn::Unix(_) => "the Unix socket",
        ListenOn::Stdio => "its",
    }
}

const fn kinds_advice(listen: &ListenOn) -> &'static str {
    match listen {
        ListenOn::Udp(_) => "it takes datagrams, and that does not; put /udp behind the target",
        ListenOn::Tcp(_) | ListenOn::Unix(_) | ListenOn::Stdio => {
            "it takes no datagrams; put /udp behind the forward for a UDP port"
        }
    }
}

fn forward_advice(listen: &ListenOn, error: &io::Error) -> String {
    match listen {
        ListenOn::Tcp(_) | ListenOn::Udp(_) => bind_advice(error),
        ListenOn::Unix(_) if error.kind() == io::ErrorKind::AddrInUse => {
            "a program listens there, or it is another kind of file; choose another path".into()
        }
        ListenOn::Unix(_) if error.kind() == io::ErrorKind::PermissionDenied => {
            "not permitted; choose a folder that this user can write to".into()
        }
        ListenOn::Unix(_) | ListenOn::Stdio => descriptors::explain(error),
    }
}

/// Ports below 1024 are the administrator's.
fn not_permitted(program: Option<&Path>) -> String {
    let program = program.map(|path| path.display().to_string()).unwrap_or_else(|| "PROGRAM".into());
    let allow = if cfg!(target_os = "linux") {
        format!("allow it once with `sudo setcap cap_net_bind_service=+ep {program}`")
    } else {
        "run as the administrator".into()
    };
    format!("not permitted; choose a port above 1023, or {allow}")
}

/// What to do about an address that cannot be bound.
fn bind_advice(error: &io::Error) -> String {
    use io::ErrorKind as Kind;
    let kind = error.kind();
    if kind == Kind::AddrInUse {
        "the port is in use; choose another or stop the program that has it".into()
    } else if kind == Kind::AddrNotAvailable {
        "this machine has no such address; choose another [ADDR:]PORT".into()
    } else if kind == Kind::PermissionDenied {
        not_permitted(std::env::current_exe().ok().as_deref())
    } else {
        descriptors::explain(error)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_port_of_the_administrator_is_told_with_the_way_to_it() {
        let text = not_permitted(Some(Path::new("/usr/bin/proxy2")));
        assert!(text.contains("above 1023"), "{text}");
        if cfg!(target_os = "linux") {
            assert!(text.contains("setcap cap_net_bind_service=+ep /usr/bin/proxy2`"), "{text}");
        }
    }
}
