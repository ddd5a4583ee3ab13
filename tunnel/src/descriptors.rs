//! File descriptors: how many there may be, and how many of them connections may have.

#[cfg_attr(unix, path = "descriptors/limit_unix.rs")]
#[cfg_attr(not(unix), path = "descriptors/limit_other.rs")]
mod limit;

use std::io;
use std::net::{Ipv4Addr, UdpSocket};

use limit::are_exhausted;
pub use limit::raise;

/// What the process needs beside its connections: about a dozen (outputs, signals, sockets), three for each thread that
/// serves links, and what comes and goes: look-ups of names, the state folder's files, a second handle of a socket.
const OWN: usize = 64;

/// Connections that there may be at a time, each with its descriptor: what the limit leaves, and at least half of it.
pub(crate) fn for_connections() -> usize {
    limit::most().map_or(usize::MAX, connections)
}

fn connections(most: usize) -> usize {
    most.saturating_sub(OWN).max(most / 2)
}

/// Whether nothing can be opened for want of descriptors; what is open goes on.
pub(crate) fn is_exhaustion(error: &io::Error) -> bool {
    error.raw_os_error().is_some_and(are_exhausted)
}

/// What the system said, and what to do about it if nothing can be opened.
pub fn explain(error: &io::Error) -> String {
    if is_exhaustion(error) {
        format!("{error}: raise the limit of open files (ulimit -n)")
    } else {
        error.to_string()
    }
}

/// Whether there are those that the runtime opens at its start; it panics where it cannot.
///
/// # Errors
/// What the system says if there are fewer.
pub fn are_enough_to_start() -> io::Result<()> {
    /// Three to wait for events and to be woken, three to hear of signals.
    const RUNTIME: usize = 6;
    let all: io::Result<Vec<_>> = (0..RUNTIME).map(|_| any()).collect();
    all.map(drop).or_else(|error| if is_exhaustion(&error) { Err(error) } else { Ok(()) })
}

/// Whether none could be had in this moment.
pub(crate) fn are_used_up() -> bool {
    any().is_err_and(|error| is_exhaustion(&error))
}

/// Something that has a descriptor.
fn any() -> io::Result<UdpSocket> {
    UdpSocket::bind((Ipv4Addr::LOCALHOST, 0))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_small_limit_still_leaves_something_for_both() {
        assert_eq!(connections(1_024), 1_024 - OWN);
        assert_eq!(connections(40), 20);
        assert!(for_connections() > 0);
    }
}
