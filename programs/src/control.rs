//! How a running proxy is seen and steered from the same machine: a Unix socket, at which programs of the same user ask in lines
//! of JSON (`docs/control.md`).
//!
//! - `protocol`: what is asked and answered
//! - `sessions`: what is looked at: all sessions of the process, as one
//! - `server`: the socket of a proxy; `client`: who asks. Both only where there are Unix sockets
//! - `place`: where the sockets are
//! - `drain`: how a proxy ends that lets its streams end first

#[cfg_attr(unix, path = "control/client_unix.rs")]
#[cfg_attr(not(unix), path = "control/client_other.rs")]
pub(crate) mod client;
mod drain;
#[cfg(unix)]
mod place;
pub(crate) mod protocol;
#[cfg_attr(unix, path = "control/server_unix.rs")]
#[cfg_attr(not(unix), path = "control/server_other.rs")]
mod server;
pub(crate) mod sessions;

use std::future::pending;
use std::path::PathBuf;
use std::time::Duration;

use cli::ControlArgs;
use cli::program::{EndAsked, Signals};
use tokio::sync::mpsc;
use tracing::{debug, warn};
use tunnel::view::Role;

use self::drain::Ending;
use self::protocol::Outcome;
use self::server::Server;
use self::sessions::Sessions;

/// Which proxies are asked, where nobody says at which socket.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Whose {
    /// Those of this user: only they are told to do something.
    Own,
    /// For root those of services and of other users too.
    All,
}

/// What came of what a proxy was asked, and its process, as the system says it.
pub(crate) type Told = (Outcome, Option<u32>);

/// How a proxy is to be seen and steered.
#[derive(Clone, Debug)]
pub(crate) struct ControlSettings {
    /// What its options say.
    pub(crate) args: ControlArgs,
    /// The state folder that its options say.
    pub(crate) state: Option<PathBuf>,
}

/// The control of a running proxy: ends with the value, and its socket with it.
#[derive(Debug)]
pub(crate) struct Control {
    asked: mpsc::Receiver<Option<Duration>>,
    /// How long SIGTERM lets streams go on.
    drain: Duration,
    _server: Option<Server>,
}

impl Control {
    /// Answers for these sessions. That there can be no socket is said once and keeps nothing from running.
    ///
    /// # Panics
    /// Outside a runtime.
    pub(crate) fn start(role: Role, settings: &ControlSettings, sessions: &Sessions) -> Self {
        let (ask, asked) = mpsc::channel(1);
        let drain = settings.args.drain;
        if settings.args.no_control {
            return Self { asked, drain, _server: None };
        }
        let server = match Server::start(role, settings, sessions, ask) {
            Ok(server) => {
                if let Some(at) = server.path() {
                    debug!(at = %at.display(), "answering `paso status`");
                }
                Some(server)
            }
            Err(why) => {
                warn!("there is no control socket, `paso status` will not find this proxy: {why}");
                None
            }
        };
        Self { asked, drain, _server: server }
    }

    /// Waits until a signal, or somebody at the socket, asks that the proxy ends. Cancel safe.
    pub(crate) async fn end_asked(&mut self, signals: &mut Signals) -> Ending {
        tokio::select! {
            biased;
            asked = signals.end_asked() => match asked {
                EndAsked::InOrder if !self.drain.is_zero() => Ending::Drained(Some(self.drain)),
                EndAsked::InOrder | EndAsked::AtOnce => Ending::AtOnce,
            },
            limit = self.drain_asked() => {
                cli::program::stopping();
                Ending::Drained(limit)
            }
        }
    }

    /// Waits until somebody asks that the proxy drains: for how long, at the most. Cancel safe.
    async fn drain_asked(&mut self) -> Option<Duration> {
        match self.asked.recv().await {
            Some(limit) => limit,
            None => pending().await,
        }
    }
}
