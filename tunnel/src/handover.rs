//! How a proxy2 takes over from one that runs, while that one keeps the links that have streams (`docs/control.md`).
//!
//! - `descriptors`: the sockets go from one process to the other
//! - `wire`: what the two tell each other afterwards
//! - `channel`: the tasks that read and write that
//!
//! What either does with it stands in `link::sealed::server`: `successor` is the one that takes over as the older one sees it,
//! `predecessor` the older one as the other sees it.

mod channel;
#[cfg(unix)]
mod descriptors;
pub(crate) mod wire;

use std::net::SocketAddr;

use serde::{Deserialize, Serialize};

pub(crate) use self::channel::{Incoming, Outgoing, start};
#[cfg(unix)]
pub use self::descriptors::{give, take};

/// The version of all that two processes tell each other here. Two of different versions do not take over from each other.
pub const VERSION: u32 = 1;

/// The connection of two processes, once the sockets have been passed.
#[derive(Debug)]
pub struct Channel {
    /// Whose process is at the other end.
    pub(crate) pid: u32,
    /// The addresses of the UDP sockets, in the order of the older process.
    pub(crate) udp: Vec<SocketAddr>,
    #[cfg(unix)]
    pub(crate) stream: tokio::net::UnixStream,
}

impl Channel {
    /// Whose process is at the other end.
    pub const fn pid(&self) -> u32 {
        self.pid
    }

    /// Of this stream, which must have nothing more of what was said before on its way.
    #[cfg(unix)]
    pub const fn new(stream: tokio::net::UnixStream, pid: u32, udp: Vec<SocketAddr>) -> Self {
        Self { pid, udp, stream }
    }
}

/// How it is with the other process.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct OtherProcess {
    /// Which it is.
    pub pid: u32,
    /// How many links the older one still has.
    pub links: u64,
    /// How many streams those have.
    pub streams: u64,
}
