//! What the service manager that started the program is told, by the protocol of `sd_notify(3)`: that it is ready, reloads or
//! ends, one line about what it does, and that it is not stuck. Without a manager (`NOTIFY_SOCKET` is not set) nothing is done.

#[cfg_attr(unix, path = "manager/socket_unix.rs")]
#[cfg_attr(not(unix), path = "manager/socket_other.rs")]
mod socket;
mod status;

use std::env;
use std::future::pending;
use std::process;
use std::sync::OnceLock;
use std::time::Duration;

use tokio::sync::mpsc;
use tokio::time::{Instant, Interval, MissedTickBehavior, interval, sleep_until};
use tracing::debug;
use tunnel::threads;

use self::socket::ManagerSocket;
pub(super) use self::status::Shown;
use self::status::Status;

/// What happens to the program.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Event {
    Ready,
    Reloading,
    Stopping,
    /// The process with this id goes on in the place of this one.
    FollowedBy(u32),
}

/// To the task that tells the manager; not set without a manager.
static EVENTS: OnceLock<mpsc::UnboundedSender<Event>> = OnceLock::new();

/// All is there that was asked for, from the start or after it was read again.
pub fn ready() {
    tell(Event::Ready);
}

/// What was asked for is read again; [`ready`] follows.
pub(super) fn reloading() {
    tell(Event::Reloading);
}

/// The end was asked for.
pub fn stopping() {
    tell(Event::Stopping);
}

/// The process with this id has taken over: it is the service from now on.
pub fn is_followed_by(pid: u32) {
    tell(Event::FollowedBy(pid));
}

fn tell(event: Event) {
    if let Some(events) = EVENTS.get() {
        // The task is gone only when all is.
        let _ = events.send(event);
    }
}

/// Starts the task that tells the manager, if there is one.
///
/// # Panics
/// Outside a runtime.
pub(super) fn start() {
    let socket = match ManagerSocket::of_process() {
        Ok(Some(socket)) => socket,
        Ok(None) => return,
        Err(error) => {
            debug!(%error, "the service manager cannot be told anything");
            return;
        }
    };
    let (events, told) = mpsc::unbounded_channel();
    if EVENTS.set(events).is_ok() {
        let status = Status::watch();
        tokio::spawn(serve(socket, told, status, watchdog()));
    }
}

/// How long the manager waits for a sign of life, if it does.
fn watchdog() -> Option<Duration> {
    let number = |name: &str| env::var(name).ok()?.parse().ok();
    watchdog_of(number("WATCHDOG_USEC"), number("WATCHDOG_PID"), process::id())
}

fn watchdog_of(usec: Option<u64>, pid: Option<u64>, own: u32) -> Option<Duration> {
    let is_ours = pid.is_none_or(|pid| pid == u64::from(own));
    usec.filter(|usec| is_ours && *usec > 0).map(Duration::from_micros)
}

/// The least time between two lines of status.
const STATUS_PERIOD: Duration = Duration::from_secs(1);

async fn serve(
    socket: ManagerSocket,
    mut events: mpsc::UnboundedReceiver<Event>,
    mut status: Status,
    watchdog: Option<Duration>,
) {
    let mut signs = watchdog.map(SignsOfLife::new);
    let mut next_status = Instant::now();
    loop {
        let text = tokio::select! {
            biased;
            Some(event) = events.recv() => text(event),
            () = next_sign(signs.as_mut()) => "WATCHDOG=1".into(),
            line = async {
                let line = status.changed().await;
                sleep_until(next_status).await;
                line
            } => {
                // What has changed meanwhile is in it.
                let line = status.taken().unwrap_or(line);
                next_status = Instant::now() + STATUS_PERIOD;
                format!("STATUS={line}")
            }
        };
        if let Err(error) = socket.send(&text).await {
            debug!(%error, text, "the service manager was not told");
        }
    }
}

/// When signs of life are due, and whether they may be given.
#[derive(Debug)]
struct SignsOfLife {
    times: Interval,
    /// It is time for one.
    is_due: bool,
}

impl SignsOfLife {
    /// Twice in the time that the manager waits, as `sd_watchdog_enabled(3)` advises.
    fn new(limit: Duration) -> Self {
        let mut times = interval((limit / 2).max(Duration::from_millis(1)));
        times.set_missed_tick_behavior(MissedTickBehavior::Delay);
        Self { times, is_due: false }
    }

    /// Waits until it is time for one, and then until every thread that serves has answered: while one is stuck, no sign is given.
    /// Cancel safe.
    async fn next(&mut self) {
        if !self.is_due {
            self.times.tick().await;
            self.is_due = true;
        }
        threads::all_answer().await;
        self.is_due = false;
    }
}

async fn next_sign(signs: Option<&mut SignsOfLife>) {
    match signs {
        Some(signs) => signs.next().await,
        None => pending().await,
    }
}

fn text(event: Event) -> String {
    match event {
        Event::Ready => "READY=1".into(),
        // Type=notify-reload wants to know that this is younger than its signal.
        Event::Reloading => format!("RELOADING=1\nMONOTONIC_USEC={}", socket::monotonic_usec()),
        Event::Stopping => "STOPPING=1".into(),
        Event::FollowedBy(pid) => format!("MAINPID={pid}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_watchdog_of_another_process_is_not_ours() {
        let limit = Some(Duration::from_secs(30));
        assert_eq!(watchdog_of(Some(30_000_000), Some(7), 7), limit);
        assert_eq!(watchdog_of(Some(30_000_000), None, 7), limit);
        assert_eq!(watchdog_of(Some(30_000_000), Some(8), 7), None);
        assert_eq!(watchdog_of(Some(0), Some(7), 7), None);
        assert_eq!(watchdog_of(None, None, 7), None);
    }
}
