//! What both programs do around their session: log, wait for signals, end with an exit code.
//! The home of `tracing-subscriber`.

use std::fmt::Display;
use std::future::Future;
use std::io::{self, IsTerminal, Write};
use std::process::ExitCode;

use tracing::level_filters::LevelFilter;
use tracing_subscriber::EnvFilter;

/// Runs a program to its end: sets up the log on stderr, gives `body` a future that completes when SIGINT or SIGTERM
/// asks for the end, and turns its result into an exit code: 0 if the end was asked for, 1 with one sentence on stderr
/// if `body` failed. (2, bad usage, is the command line's.)
pub fn run<F, E>(level: LevelFilter, body: impl FnOnce(Signals) -> F) -> ExitCode
where
    F: Future<Output = Result<(), E>> + Send + 'static,
    E: Display + Send,
{
    start_log(level);
    // One thread: a link is one task, and a second thread would only cost wake-ups. proxy2 starts more as links come.
    let runtime = match tokio::runtime::Builder::new_current_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => return fail(&format_args!("cannot start: {error}")),
    };
    let result = runtime.block_on(async {
        let signals = Signals::new().map_err(|error| format!("cannot listen for signals: {error}"))?;
        let body = body(signals);
        let task = tokio::spawn(async { body.await.map_err(|error| format!("{error:#}")) });
        task.await.unwrap_or_else(|error| Err(error.to_string()))
    });
    // A name lookup may still hang in its thread; it must not hold up the end.
    runtime.shutdown_background();
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => fail(&error),
    }
}

/// Says why a program ends, in one sentence on stderr.
pub fn fail(error: &dyn Display) -> ExitCode {
    // If stderr is gone there is nobody left to tell.
    let _ = writeln!(io::stderr(), "error: {error}");
    ExitCode::FAILURE
}

/// Logs to stderr: what `RUST_LOG` says, else `level` and above.
fn start_log(level: LevelFilter) {
    let filter = EnvFilter::builder().with_default_directive(level.into()).from_env_lossy();
    // Fails only where a log is set up already, which then is the one to use.
    let _ = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(io::stderr)
        .with_ansi(io::stderr().is_terminal())
        .with_target(false)
        .try_init();
}

/// The signals that ask for the end. Listening starts when it is made, so none is missed afterwards.
#[derive(Debug)]
pub struct Signals {
    #[cfg(unix)]
    interrupt: tokio::signal::unix::Signal,
    #[cfg(unix)]
    terminate: tokio::signal::unix::Signal,
}

impl Signals {
    /// Starts to listen for SIGINT and SIGTERM (Ctrl-C where there are no signals).
    #[cfg(unix)]
    fn new() -> io::Result<Self> {
        use tokio::signal::unix::{SignalKind, signal};
        Ok(Self { interrupt: signal(SignalKind::interrupt())?, terminate: signal(SignalKind::terminate())? })
    }

    /// Starts to listen for Ctrl-C.
    #[cfg(not(unix))]
    #[expect(clippy::unnecessary_wraps, reason = "the other platforms' version can fail")]
    fn new() -> io::Result<Self> {
        Ok(Self {})
    }

    /// Waits for the first of them.
    #[cfg(unix)]
    pub async fn received(mut self) {
        let name = tokio::select! {
            _ = self.interrupt.recv() => "SIGINT",
            _ = self.terminate.recv() => "SIGTERM",
        };
        tracing::info!(signal = name, "ending");
    }

    /// Waits for Ctrl-C.
    #[cfg(not(unix))]
    pub async fn received(self) {
        let _ = tokio::signal::ctrl_c().await;
        tracing::info!("ending");
    }
}
