//! Writes forwards as they are read.

use std::fmt::{self, Display as _};
use std::path::Path;

use proto::destination::Destination;

use crate::settings::{CarryTo, Forward, ListenOn, ProxyProtocol, Reverse, ReverseAt, ReverseTo};

impl Forward {
    /// The option whose text its `Display` writes: `-L`, `-D` or `-W`.
    pub const fn option(&self) -> &'static str {
        match (&self.listen, &self.to) {
            (_, CarryTo::AskedFor) => "-D",
            (ListenOn::Stdio, CarryTo::Destination(_)) => "-W",
            (ListenOn::Tcp(_) | ListenOn::Udp(_) | ListenOn::Unix(_), CarryTo::Destination(_)) => "-L",
        }
    }
}

impl Reverse {
    /// The option whose text its `Display` writes: `-R` or `--publish`.
    pub const fn option(&self) -> &'static str {
        match self.at {
            ReverseAt::Listen(_) => "-R",
            ReverseAt::Publish(_) => "--publish",
        }
    }
}

impl fmt::Display for Forward {
    /// As the text of its [`option`](Forward::option).
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (has_listen, has_target) = match &self.to {
            CarryTo::AskedFor | CarryTo::Destination(Destination::Own) => (true, false),
            CarryTo::Destination(_) => (self.listen != ListenOn::Stdio, true),
        };
        write_listen(f, &self.listen)?;
        if has_listen && has_target {
            f.write_str(":")?;
        }
        match &self.to {
            CarryTo::AskedFor | CarryTo::Destination(Destination::Own) => Ok(()),
            CarryTo::Destination(Destination::Tcp(target)) => target.fmt(f),
            CarryTo::Destination(Destination::Udp(target)) => write!(f, "{target}/udp"),
            CarryTo::Destination(Destination::Unix(path)) => write_path(f, path.as_path()),
            CarryTo::Destination(Destination::Service { name, udp }) => {
                write!(f, "@{name}{}", if *udp { "/udp" } else { "" })
            }
            // Nobody can write these on a command line.
            CarryTo::Destination(
                other @ (Destination::Control
                | Destination::Check
                | Destination::Move
                | Destination::Client(_)),
            ) => other.fmt(f),
        }?;
        write_header(f, self.proxy_protocol)
    }
}

impl fmt::Display for Reverse {
    /// As the text of its [`option`](Reverse::option).
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.at {
            ReverseAt::Listen(listen) => write_listen(f, listen)?,
            ReverseAt::Publish(name) => write!(f, "{name}")?,
        }
        match (&self.at, &self.to) {
            (_, ReverseTo::AskedFor) => {}
            (ReverseAt::Listen(_), _) => f.write_str(":")?,
            (ReverseAt::Publish(_), _) => f.write_str("=")?,
        }
        match &self.to {
            ReverseTo::Tcp(target) => target.fmt(f)?,
            ReverseTo::Udp(target) => write!(f, "{target}/udp")?,
            ReverseTo::Unix(path) => write_path(f, path)?,
            ReverseTo::AskedFor => {}
        }
        write_header(f, self.proxy_protocol)
    }
}

/// `/udp` stands behind the target.
fn write_listen(f: &mut fmt::Formatter<'_>, listen: &ListenOn) -> fmt::Result {
    match listen {
        ListenOn::Tcp(listen) | ListenOn::Udp(listen) => listen.fmt(f),
        ListenOn::Unix(path) => write_path(f, path),
        ListenOn::Stdio => Ok(()),
    }
}

fn write_path(f: &mut fmt::Formatter<'_>, path: &Path) -> fmt::Result {
    for char in path.to_string_lossy().chars() {
        let hidden = if matches!(char, ':' | ',' | '\\') { "\\" } else { "" };
        write!(f, "{hidden}{char}")?;
    }
    Ok(())
}

fn write_header(f: &mut fmt::Formatter<'_>, header: Option<ProxyProtocol>) -> fmt::Result {
    match header {
        None => Ok(()),
        Some(ProxyProtocol::V1) => f.write_str(",proxy-protocol=v1"),
        Some(ProxyProtocol::V2) => f.write_str(",proxy-protocol=v2"),
    }
}
