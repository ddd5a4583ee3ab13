//! How a running proxy is seen and steered from the same machine: a Unix socket, at which programs of the same user ask in lines
//! of JSON (`docs/control.md`).
//!
//! - `protocol`: what is asked and answered
//! - `sessions`: what is looked at: all sessions of the process, as one
//! - `server`: the socket of a proxy; `client`: who asks. Both only where there are Unix sockets
//! - `place`: where the sockets are
//! - `take_over`: a proxy2 that asks another to hand over
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
#[cfg_attr(unix, path = "control/take_over_unix.rs")]
#[cfg_attr(not(unix), path = "control/take_over_other.rs")]
mod take_over;

use std::future::pending;
use std::path::PathBuf;
use std::time::Duration;

use cli::ControlArgs;
use cli::program::Signals;
use tokio::sync::{mpsc, oneshot};
use tracing::{debug, warn};
use tunnel::handover::Channel;
use tunnel::view::Role;

use self::drain::Ending;
use self::protocol::Outcome;
use self::server::Server;
use self::sessions::Sessions;
pub(crate) use self::take_over::take_over;

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

/// The variable that tells a program which process has started it to be followed by it.
pub(crate) const STARTED_BY: &str = "PASO_STARTED_BY";

/// What came of a restart, in words for who has asked for it.
pub(crate) type Restarted = Result<String, String>;

/// What a proxy is told to do at its socket.
#[derive(Clone, Debug)]
struct Wishes {
    /// To drain, for so long at the most.
    drain: mpsc::Sender<Option<Duration>>,
    /// To hand over to another process.
    #[cfg_attr(not(unix), expect(dead_code, reason = "there is nobody who asks"))]
    take_overs: mpsc::Sender<Channel>,
    /// To start itself again.
    #[cfg_attr(not(unix), expect(dead_code, reason = "there is nobody who asks"))]
    restarts: mpsc::Sender<oneshot::Sender<Restarted>>,
}

/// What a proxy2 is asked for.
#[derive(Debug)]
pub(crate) enum Asked {
    /// To end.
    End(Ending),
    /// To hand over to the process at the other end.
    TakeOver(Channel),
    /// To start itself again, and to say what comes of it.
    Restart(oneshot::Sender<Restarted>),
}

/// The control of a running proxy: ends with the value, and its socket with it.
#[derive(Debug)]
pub(crate) struct Control {
    asked: mpsc::Receiver<Option<Duration>>,
    take_overs: mpsc::Receiver<Channel>,
    restarts: mpsc::Receiver<oneshot::Sender<Restarted>>,
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
        Self::begin(role, settings, sessions, false)
    }

    /// The same for a proxy that has taken over: it answers where the one before has answered.
    ///
    /// # Panics
    /// Outside a runtime.
    pub(crate) fn begin(
        role: Role,
        settings: &ControlSettings,
        sessions: &Sessions,
        has_taken_over: bool,
    ) -> Self {
        let (drains, asked) = mpsc::channel(1);
        let (to_take_over, take_overs) = mpsc::channel(1);
        let (to_restart, restarts) = mpsc::channel(1);
        let drain = settings.args.drain;
        if settings.args.no_control {
            return Self { asked, take_overs, restarts, drain, _server: None };
        }
        let wishes = Wishes { drain: drains, take_overs: to_take_over, restarts: to_restart };
        let server = match Server::start(role, settings, sessions, wishes, has_taken_over) {
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
        Self { asked, take_overs, restarts, drain, _server: server }
    }

    /// How long SIGTERM lets streams go on.
    pub(crate) const fn drain_limit(&self) -> Duration {
        self.drain
    }

    /// The proxy ends: whoever wants it to be followed by another one is told so, or hung up on.
    pub(crate) fn refuse_successors(&mut self) {
        self.take_overs.close();
        self.restarts.close();
        while self.take_overs.try_recv().is_ok() {}
        while self.restarts.try_recv().is_ok() {}
    }

    /// Waits until a signal, or somebody at the socket, asks for anything. Cancel safe.
    pub(crate) async fn asked(&mut self, signals: &mut Signals) -> Asked {
        let (ends, take_overs) = (&mut self.asked, &mut self.take_overs);
        tokio::select! {
            biased;
            asked = signals.end_asked() => Asked::End(Ending::of_signal(asked, self.drain)),
            limit = heard(ends) => {
                cli::program::stopping();
                Asked::End(Ending::Drained(limit))
            }
            channel = heard(take_overs) => Asked::TakeOver(channel),
            answer = heard(&mut self.restarts) => Asked::Restart(answer),
        }
    }

    /// Waits until a signal, or somebody at the socket, asks that the proxy ends. Cancel safe.
    pub(crate) async fn end_asked(&mut self, signals: &mut Signals) -> Ending {
        tokio::select! {
            biased;
            asked = signals.end_asked() => Ending::of_signal(asked, self.drain),
            limit = heard(&mut self.asked) => {
                cli::program::stopping();
                Ending::Drained(limit)
            }
        }
    }
}

/// The next that comes; nothing comes any more where nobody could ask.
async fn heard<T>(from: &mut mpsc::Receiver<T>) -> T {
    match from.recv().await {
        Some(asked) => asked,
        None => pending().await,
    }
}
