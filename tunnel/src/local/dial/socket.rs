//! Connects to Unix sockets.

use std::io;
use std::time::Duration;

use proto::destination::SocketPath;
use tokio::time::sleep;

use super::DialError;
use super::fixed::Fixed;
use crate::local::stream::{UnixStream, connect_unix};
use crate::rules::{Rules, SocketGrant};

/// Connects to a Unix socket if the rules allow its path. Of one that they allow by its folder, what is looked at is what is connected
/// to: it must be a socket itself, as a link in that folder could lead to any other.
///
/// # Errors
/// It is forbidden, is not there, or does not accept.
pub(super) async fn dial(path: &SocketPath, rules: &Rules) -> Result<UnixStream, DialError> {
    let path = path.as_path();
    let fixed = match rules.may_dial_socket(path)? {
        SocketGrant::Path => Fixed::path(path),
        SocketGrant::Folder => Fixed::socket(path)?.ok_or(DialError::Forbidden(None))?,
    };
    loop {
        /// Where others wait for it to accept there is no telling when there is room: a Unix socket has no queue for more.
        const PAUSE: Duration = Duration::from_millis(20);
        match connect_unix(fixed.name()).await {
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => sleep(PAUSE).await,
            result => return Ok(result?),
        }
    }
}
