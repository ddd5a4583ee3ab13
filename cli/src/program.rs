//! What both proxies do around their session: log, wait for signals, end with an exit code.
//! The home of `tracing-subscriber`.

mod free_memory;
mod lines;
mod log;
mod manager;
#[cfg_attr(unix, path = "program/passed_unix.rs")]
#[cfg_attr(not(unix), path = "program/passed_other.rs")]
mod passed;
mod quota;
#[cfg_attr(unix, path = "program/signals_unix.rs")]
#[cfg_attr(not(unix), path = "program/signals_other.rs")]
mod signals;

use std::fmt::Display;
use std::future::Future;
use std::io::{self, Write};
use std::process::ExitCode;
use std::time::Duration;

use tokio::task::{JoinHandle, JoinSet, spawn_blocking};
use tunnel::descriptors;
use tunnel::handover::Channel;
use tunnel::metrics::Counters;
use tunnel::session::{
    BindError, Handle, LinkHandle, NotHandedOver, NotRegistered, ResetCode, Session, Viewer,
};
use zeroize::Zeroizing;

use self::log::Log;
use self::manager::Shown;
pub use self::manager::{is_followed_by, ready, stopping};
use crate::{Logging, secrets, terminal};
pub use signals::Signals;

/// How the end was asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EndAsked {
    /// By SIGINT or Ctrl-C: somebody waits.
    AtOnce,
    /// By SIGTERM: streams may be let end first.
    InOrder,
}

/// Runs a program to its end: sets up the log on stderr, gives `body` a future that completes when SIGINT or SIGTERM
/// asks for the end, and turns its result into an exit code: 0 if the end was asked for, 1 with one sentence on stderr
/// if `body` failed. (2, bad usage, is the command line's.) Nothing that happens to stderr holds it up.
pub fn run<F, E>(logging: impl Into<Logging>, body: impl FnOnce(Signals) -> F) -> ExitCode
where
    F: Future<Output = Result<(), E>> + Send + 'static,
    E: Display + Send,
{
    run_to_end(logging.into(), Ok(()), || {}, body)
}

/// The same for a program that may be a service: it takes the sockets that a service manager passes, and tells the manager how it is.
/// What [`run`] runs may be started by a service, and is none.
pub fn run_service<F, E>(logging: impl Into<Logging>, body: impl FnOnce(Signals) -> F) -> ExitCode
where
    F: Future<Output = Result<(), E>> + Send + 'static,
    E: Display + Send,
{
    // While there is one thread.
    let passed = passed::take();
    run_to_end(logging.into(), passed, manager::start, body)
}

/// `may_start`: whether what the process was started with can be used. `beside` starts what goes on beside `body`.
fn run_to_end<F, E>(
    logging: Logging,
    may_start: Result<(), String>,
    beside: impl FnOnce(),
    body: impl FnOnce(Signals) -> F,
) -> ExitCode
where
    F: Future<Output = Result<(), E>> + Send + 'static,
    E: Display + Send,
{
    descriptors::raise();
    let log = match Log::start(logging) {
        Ok(log) => log,
        Err(error) => return fail(&format_args!("cannot start the log: {error}")),
    };
    let code = match may_start.and_then(|()| serve(beside, body)) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            log.fail(&error);
            ExitCode::FAILURE
        }
    };
    log.finish();
    code
}

fn serve<F, E>(beside: impl FnOnce(), body: impl FnOnce(Signals) -> F) -> Result<(), String>
where
    F: Future<Output = Result<(), E>> + Send + 'static,
    E: Display + Send,
{
    let cannot_start = |error| format!("cannot start: {}", descriptors::explain(&error));
    descriptors::are_enough_to_start().map_err(cannot_start)?;
    // One thread: a link is one task, and a second thread would only cost wake-ups. proxy2 starts more as links come.
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let runtime = runtime.map_err(cannot_start)?;
    let result = runtime.block_on(async {
        let signals = Signals::new().map_err(|error| format!("cannot listen for signals: {error}"))?;
        beside();
        let body = body(signals);
        let task = tokio::spawn(async { body.await.map_err(|error| format!("{error:#}")) });
        task.await.unwrap_or_else(|error| Err(error.to_string()))
    });
    // A name lookup may still hang in its thread, and stdout be unread; neither must hold up the end.
    runtime.shutdown_background();
    result
}

/// Waits for `session`, which may have to wait for a network, or for a signal that asks for the end: `None`.
///
/// # Errors
/// Those of `session`.
pub async fn start_session(
    session: impl Future<Output = Result<Session, BindError>>,
    signals: &mut Signals,
) -> Result<Option<Session>, BindError> {
    tokio::select! {
        biased;
        session = session => session.map(Some),
        () = signals.received() => Ok(None),
    }
}

/// Serves until a signal asks for the end; what was counted. Memory that is not used any more goes back to the system.
///
/// # Errors
/// See [`Handle::ended`](tunnel::session::Handle::ended).
pub async fn run_session(session: Session, mut signals: Signals) -> io::Result<Counters> {
    let mut running = Running::start(session);
    tokio::select! {
        biased;
        () = signals.received() => running.close().await,
        ended = running.ended() => ended,
    }
}

/// A session at work. Memory that is not used any more goes back to the system.
#[derive(Debug)]
pub struct Running {
    session: Handle,
    /// Ends with the value.
    _aside: JoinSet<()>,
}

impl Running {
    /// Serves in the background, until it is closed or dropped.
    ///
    /// # Panics
    /// Outside a runtime.
    pub fn start(session: Session) -> Self {
        let session = session.run();
        let mut aside = JoinSet::new();
        aside.spawn(free_memory::give_back(session.counters_without_traffic()));
        aside.spawn(Shown::start(session.link().is_some()).follow(session.counters_without_traffic()));
        Self { session, _aside: aside }
    }

    /// See [`Handle::viewer`].
    pub const fn viewer(&self) -> &Viewer {
        self.session.viewer()
    }

    /// See [`Handle::link`].
    pub const fn link(&self) -> Option<&LinkHandle> {
        self.session.link()
    }

    /// See [`Handle::ready`]. Cancel safe.
    ///
    /// # Errors
    /// As there.
    pub async fn ready(&mut self) -> Result<(), NotRegistered> {
        self.session.ready().await.map(drop)
    }

    /// See [`Handle::ended`]. Cancel safe.
    ///
    /// # Errors
    /// As there.
    pub async fn ended(&mut self) -> io::Result<Counters> {
        self.session.ended().await
    }

    /// See [`Handle::hand_over`].
    ///
    /// # Errors
    /// As there.
    pub fn hand_over(
        &self,
        channel: Channel,
    ) -> impl Future<Output = Result<(), NotHandedOver>> + Send + use<> {
        self.session.hand_over(channel)
    }

    /// See [`Handle::has_taken_over`]; for ever if it has ended before. Cancel safe.
    pub fn has_taken_over(&self) -> impl Future<Output = ()> + Send + use<> {
        let has = self.session.has_taken_over();
        async {
            if !has.await {
                std::future::pending().await
            }
        }
    }

    /// See [`Handle::stdio_ended`]. Cancel safe.
    ///
    /// # Errors
    /// As there.
    pub fn stdio_ended(&self) -> impl Future<Output = Result<(), ResetCode>> + Send + use<> {
        self.session.stdio_ended()
    }

    /// See [`Handle::close`].
    ///
    /// # Errors
    /// As there.
    pub async fn close(self) -> io::Result<Counters> {
        self.session.close().await
    }
}

/// Whether each socket that the service manager passed is used, now that all listens that the program was asked for.
///
/// # Errors
/// One is not: it would take what nobody reads.
pub fn check_passed() -> Result<(), String> {
    let unused = |which| {
        format!(
            "the service manager passed {which}, and nothing here listens there: let its socket unit and this program name the same address"
        )
    };
    tunnel::passed::unused().map_or(Ok(()), |which| Err(unused(which)))
}

/// Writes `text` to stdout: 0, or 1 if that failed.
pub fn print(text: &str) -> ExitCode {
    match write_to_stdout(text) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => fail(&format_args!("cannot write to stdout: {error}")),
    }
}

/// Writes `text` to stdout. A reader that has seen enough, as in `… | head -1`, is no error.
///
/// # Errors
/// What the system says.
pub fn write_to_stdout(text: &str) -> io::Result<()> {
    let mut stdout = io::stdout();
    match stdout.write_all(text.as_bytes()).and_then(|()| stdout.flush()) {
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
        written => written,
    }
}

/// Waits for `checked` without a log and without signals of its own: 0 if all is well, which it says, else 1 with a sentence.
pub fn check<E: Display>(checked: impl Future<Output = Result<(), E>>) -> ExitCode {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let runtime = match runtime {
        Ok(runtime) => runtime,
        Err(error) => return fail(&format_args!("cannot start: {}", descriptors::explain(&error))),
    };
    let result = runtime.block_on(checked);
    // A name lookup may still hang in its thread.
    runtime.shutdown_background();
    match result {
        Ok(()) => print("all is well\n"),
        Err(error) => fail(&format_args!("{error:#}")),
    }
}

/// Waits for what `body` makes, without a log, for a program that draws on its terminal. `body` is given what asks for the end.
///
/// # Errors
/// It cannot be started.
pub fn draw<F: Future>(body: impl FnOnce(Signals) -> F) -> io::Result<F::Output> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let result = runtime.block_on(async { Ok(body(Signals::new()?).await) });
    runtime.shutdown_background();
    result
}

/// Logs to stderr as it is, without bounds and without [`run`]: for programs that nobody else can make write. What
/// `RUST_LOG` says, else the level of `logging` and above.
pub fn log_plainly(logging: impl Into<Logging>) {
    log::start_plain(logging.into());
}

/// Says why a program ends that has not come to [`run`], in one sentence on stderr.
pub fn fail(error: &dyn Display) -> ExitCode {
    // If stderr is gone there is nobody left to tell.
    let text = format!("error: {error}\n");
    let _ = io::stderr().write_all(terminal::fitted(&secrets::hidden(&text), &io::stderr()).as_bytes());
    ExitCode::FAILURE
}

/// A text on its way to stdout.
#[derive(Debug)]
pub struct Printing(JoinHandle<io::Result<()>>);

impl Printing {
    /// How long the end of the program waits for who reads stdout.
    const END_PATIENCE: Duration = Duration::from_secs(1);

    /// Starts to write `text`, on a thread of its own: stdout may be a pipe that nobody reads.
    ///
    /// # Panics
    /// Outside a runtime.
    pub fn start(text: Zeroizing<String>) -> Self {
        Self(spawn_blocking(move || write_to_stdout(&text)))
    }

    /// Waits until it is written, but not for long.
    ///
    /// # Errors
    /// It could not be written, and that is known.
    pub async fn finish(self) -> io::Result<()> {
        let written = tokio::time::timeout(Self::END_PATIENCE, self.0).await;
        written.ok().and_then(Result::ok).unwrap_or(Ok(()))
    }
}
