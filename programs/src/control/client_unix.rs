//! Who asks a running proxy.

use std::io::{BufRead, BufReader, Read, Write};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context, bail};

use super::place;
use super::protocol::{Answer, Command, Outcome, Request};

/// How long a proxy may take to answer: one with many links that are stuck takes two seconds.
const PATIENCE: Duration = Duration::from_secs(10);
/// The longest answer that is read, in bytes: some times what a proxy shows at the most.
const LONGEST: u64 = 256 << 20;

/// The sockets at which proxies answer this user; with `at` only that one, or those in that folder.
pub(crate) fn sockets(at: Option<&Path>) -> Vec<PathBuf> {
    match at {
        Some(folder) if folder.is_dir() => place::sockets_in(folder),
        Some(socket) => vec![socket.to_owned()],
        None => place::sockets(),
    }
}

/// Asks the proxy at a socket.
///
/// # Errors
/// It cannot be asked, or says no.
pub(crate) fn ask(socket: &Path, command: Command) -> anyhow::Result<Outcome> {
    let at = || format!("{}", socket.display());
    let mut stream = UnixStream::connect(socket).with_context(at)?;
    stream.set_read_timeout(Some(PATIENCE))?;
    stream.set_write_timeout(Some(PATIENCE))?;
    let mut line = serde_json::to_vec(&Request::from(command))?;
    line.push(b'\n');
    stream.write_all(&line).with_context(at)?;
    let mut answer = Vec::new();
    BufReader::new(stream).take(LONGEST).read_until(b'\n', &mut answer).with_context(at)?;
    if answer.is_empty() {
        bail!("{}: it serves as many others as it can, or ends: try again", socket.display());
    }
    let answer: Answer =
        serde_json::from_slice(&answer).with_context(|| format!("{}: not understood", socket.display()))?;
    match answer.outcome {
        Outcome::Error(why) => bail!(why),
        outcome @ (Outcome::Status(_) | Outcome::Done(_) | Outcome::Version(_)) => Ok(outcome),
    }
}
