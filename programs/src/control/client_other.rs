//! Who asks running proxies, where there are no Unix sockets: nobody.

use std::path::Path;

use anyhow::bail;

use super::protocol::Command;
use super::{Told, Whose};

/// A place that somebody has named.
#[derive(Clone, Debug)]
pub(crate) struct Socket {}

/// None.
pub(crate) fn sockets(at: Option<&Path>, _whose: Whose) -> Vec<Socket> {
    at.map(|_| Socket {}).into_iter().collect()
}

/// Nobody can be asked.
///
/// # Errors
/// There is a socket.
pub(crate) fn ask(sockets: &[Socket], _command: Command) -> anyhow::Result<Vec<anyhow::Result<Told>>> {
    if sockets.is_empty() {
        return Ok(Vec::new());
    }
    bail!("a running proxy cannot be asked on this system: it has no Unix sockets for that")
}
