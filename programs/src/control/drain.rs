//! How a proxy ends that lets its streams end first.

use std::time::Duration;

use cli::program::{EndAsked, Signals};
use tokio::time::{Instant, interval_at, sleep_until};
use tracing::info;

use super::sessions::Sessions;

/// How often the log says how many streams are left.
const PROGRESS: Duration = Duration::from_secs(10);
/// As good as never: a year.
const NEVER: Duration = Duration::from_secs(365 * 86_400);

/// How a proxy has been asked to end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Ending {
    /// Whatever is open.
    AtOnce,
    /// When its streams have ended, or this time is over.
    Drained(Option<Duration>),
}

impl Ending {
    /// How a signal has asked, where the operator has said how long streams may go on.
    pub(super) const fn of_signal(asked: EndAsked, drain: Duration) -> Self {
        match asked {
            EndAsked::InOrder if !drain.is_zero() => Self::Drained(Some(drain)),
            EndAsked::InOrder | EndAsked::AtOnce => Self::AtOnce,
        }
    }

    /// Waits for the streams, if that was asked for. The caller then ends the sessions.
    pub(crate) async fn wait(self, sessions: &Sessions, signals: &mut Signals) {
        match self {
            Self::AtOnce => {}
            Self::Drained(limit) => drain(sessions, limit, signals).await,
        }
    }
}

/// Accepts nothing new, and waits until the last stream has ended, `limit` is over, or a signal comes.
async fn drain(sessions: &Sessions, limit: Option<Duration>, signals: &mut Signals) {
    let limit = limit.filter(|limit| *limit < NEVER);
    let seconds = limit.map(|limit| limit.as_secs());
    sessions.drain(limit).await;
    info!(streams = sessions.stream_count(), seconds, "draining: nothing new is accepted, streams go on");
    let end = sleep_until(Instant::now() + limit.unwrap_or(NEVER));
    let mut progress = interval_at(Instant::now() + PROGRESS, PROGRESS);
    tokio::pin!(end);
    loop {
        tokio::select! {
            biased;
            () = signals.received() => return,
            () = sessions.without_streams() => {
                info!("drained: the last stream has ended");
                return;
            }
            () = &mut end => {
                info!(streams = sessions.stream_count(), "the time to drain is over: what is left is cut off");
                return;
            }
            _ = progress.tick() => info!(streams = sessions.stream_count(), "draining"),
        }
    }
}
