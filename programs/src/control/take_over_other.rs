//! Taking over, where sockets cannot be passed: nobody is found.

use std::net::SocketAddr;

use tunnel::handover::Channel;

use super::ControlSettings;

/// Nothing.
///
/// # Errors
/// Always: there is no way.
#[expect(clippy::unused_async, reason = "the other platforms' version asks")]
pub(crate) async fn take_over(
    _settings: &ControlSettings,
    _wanted: &[SocketAddr],
) -> Result<Option<Channel>, String> {
    Err("on this system no process can take over the sockets of another: leave --take-over out".into())
}
