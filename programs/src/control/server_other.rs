//! The control socket, where there are no Unix sockets: there is none.

use std::path::Path;

use tunnel::view::Role;

use super::sessions::Sessions;
use super::{ControlSettings, Wishes};

/// Nothing.
#[derive(Debug)]
pub(super) struct Server {
    _wishes: Wishes,
}

impl Server {
    /// Answers nobody. That is the same at each start, so nothing is said of it unless somebody has asked for a socket.
    ///
    /// # Errors
    /// A socket was asked for.
    pub(super) fn start(
        _role: Role,
        settings: &ControlSettings,
        _sessions: &Sessions,
        wishes: Wishes,
        _replaces: bool,
    ) -> Result<Self, String> {
        match &settings.args.control {
            Some(_) => Err("there are none on this system".into()),
            None => Ok(Self { _wishes: wishes }),
        }
    }

    /// Nowhere.
    #[expect(clippy::unused_self, reason = "the other platforms' version has a place")]
    pub(super) fn path(&self) -> Option<&Path> {
        None
    }
}
