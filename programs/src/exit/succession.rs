//! A proxy2 that hands over to another process, which it may have started itself.

use std::fmt;
use std::future::{Future, pending};
use std::pin::Pin;
use std::process::{ExitStatus, Stdio};
use std::time::Duration;

use tokio::process::{Child, Command};
use tokio::sync::oneshot;
use tokio::time::{Instant, sleep_until};
use tracing::{info, warn};
use tunnel::session::NotHandedOver;

use crate::control::{Restarted, STARTED_BY};

/// That another process takes over.
type HandingOver = Pin<Box<dyn Future<Output = Result<(), NotHandedOver>> + Send>>;

/// What is under way.
#[derive(Default)]
pub(super) struct Succession {
    handing_over: Option<(u32, HandingOver)>,
    restarting: Option<Restarting>,
    /// The process that has taken over, and when this one ends whatever is open then.
    handed_over: Option<(u32, Option<Instant>)>,
}

/// A process that this one has started.
struct Restarting {
    child: Child,
    answer: oneshot::Sender<Restarted>,
    /// Until then it has to take over.
    until: Instant,
}

/// How long a process that was started may take until it has taken over: it may be waiting for a name.
const PATIENCE: Duration = Duration::from_secs(65);

/// What has happened.
#[derive(Debug)]
pub(super) enum Step {
    /// Another process has taken over.
    HandedOver(u32),
    /// The time to drain is over.
    TimeOver,
}

impl Succession {
    /// Another process wants to take over.
    pub(super) fn begin(
        &mut self,
        pid: u32,
        handing_over: impl Future<Output = Result<(), NotHandedOver>> + Send + 'static,
    ) {
        self.handing_over = Some((pid, Box::pin(handing_over)));
    }

    /// Whether another process is about to take over.
    pub(super) const fn is_handing_over(&self) -> bool {
        self.handing_over.is_some()
    }

    /// Whether one has, at some time: what is read again is that one's.
    pub(super) const fn has_handed_over(&self) -> bool {
        self.handed_over.is_some()
    }

    /// Starts the installed program again with the words and the environment of this one: it takes over.
    pub(super) fn restart(&mut self, answer: oneshot::Sender<Restarted>) {
        match self.start() {
            Ok(child) => {
                let until = Instant::now() + PATIENCE;
                self.restarting = Some(Restarting { child, answer, until });
            }
            // Whoever has asked may have gone.
            Err(why) => _ = answer.send(Err(why)),
        }
    }

    fn start(&self) -> Result<Child, String> {
        if self.restarting.is_some() || self.handing_over.is_some() {
            return Err(NotHandedOver::Another.to_string());
        }
        if std::process::id() == 1 {
            return Err(
                "it is process 1, with which the container ends: start another container instead".into()
            );
        }
        let mut words = std::env::args_os();
        let program = words.next().ok_or("it does not know how it was started")?;
        let (mut command, own) = (Command::new(&program), std::process::id().to_string());
        command.args(words).env("PASO_TAKE_OVER", "true").env(STARTED_BY, own).stdin(Stdio::null());
        // These are for this process alone; the sockets are passed in another way.
        ["WATCHDOG_PID", "LISTEN_PID", "LISTEN_FDS", "LISTEN_FDNAMES"].into_iter().for_each(|name| {
            command.env_remove(name);
        });
        let child = command.spawn();
        let child = child.map_err(|error| format!("{} cannot be started: {error}", program.display()))?;
        info!(process = child.id(), "restarting: the new process takes over");
        Ok(child)
    }

    /// Waits for what happens next; this process ends `drain` after another has taken over, unless that is zero. Cancel safe.
    pub(super) async fn next(&mut self, drain: Duration) -> Step {
        loop {
            tokio::select! {
                biased;
                (pid, result) = finished(&mut self.handing_over) => {
                    self.handing_over = None;
                    if self.note(pid, result, drain) {
                        return Step::HandedOver(pid);
                    }
                }
                ended = exited(&mut self.restarting) => self.failed(ended),
                () = until(self.handed_over.and_then(|(_, until)| until)) => {
                    self.handed_over = None;
                    return Step::TimeOver;
                }
            }
        }
    }

    fn note(&mut self, pid: u32, result: Result<(), NotHandedOver>, drain: Duration) -> bool {
        let answer = match result {
            Ok(()) => {
                let until = (!drain.is_zero()).then(|| Instant::now() + drain);
                self.handed_over = Some((pid, until));
                Ok(format!("process {pid} has taken over; this one ends with the last of its links"))
            }
            Err(error) => {
                warn!(process = pid, "not handed over, all goes on as before: {error}");
                Err(error.to_string())
            }
        };
        if let Some(Restarting { mut child, answer: asked, .. }) = self.restarting.take() {
            // Its end has to be noticed, or the system remembers it.
            tokio::spawn(async move { child.wait().await });
            let _ = asked.send(answer.clone());
        }
        answer.is_ok()
    }

    /// The new process has ended before it took over, with this status, or takes too long.
    fn failed(&mut self, ended: Option<ExitStatus>) {
        let Some(Restarting { mut child, answer, .. }) = self.restarting.take() else { return };
        let why = match ended {
            Some(status) => {
                format!("the new process has ended before it took over ({status}): its log says why")
            }
            None => {
                // It may have ended just now.
                let _ = child.start_kill();
                tokio::spawn(async move { child.wait().await });
                "the new process has not taken over in time, and was ended: its log may say why".into()
            }
        };
        warn!("not restarted, all goes on as before: {why}");
        let _ = answer.send(Err(why));
    }
}

async fn finished(handing_over: &mut Option<(u32, HandingOver)>) -> (u32, Result<(), NotHandedOver>) {
    match handing_over {
        Some((pid, result)) => (*pid, result.await),
        None => pending().await,
    }
}

async fn exited(restarting: &mut Option<Restarting>) -> Option<ExitStatus> {
    match restarting {
        Some(Restarting { child, until, .. }) => tokio::select! {
            ended = child.wait() => ended.ok(),
            () = sleep_until(*until) => None,
        },
        None => pending().await,
    }
}

async fn until(at: Option<Instant>) {
    match at {
        Some(at) => sleep_until(at).await,
        None => pending().await,
    }
}

impl fmt::Debug for Succession {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Succession").field("handed_over", &self.handed_over).finish_non_exhaustive()
    }
}
