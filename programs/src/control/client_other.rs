//! Who asks a running proxy, where there are no Unix sockets: nobody.

use std::path::{Path, PathBuf};

use anyhow::bail;

use super::protocol::{Command, Outcome};

/// None.
pub(crate) fn sockets(at: Option<&Path>) -> Vec<PathBuf> {
    at.map(Path::to_owned).into_iter().collect()
}

/// Nobody can be asked.
///
/// # Errors
/// Always.
pub(crate) fn ask(_socket: &Path, _command: Command) -> anyhow::Result<Outcome> {
    bail!("a running proxy cannot be asked on this system: it has no Unix sockets for that")
}
