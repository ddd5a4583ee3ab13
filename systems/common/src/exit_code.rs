//! How the programs end.

use std::future::Future;
use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};

use paso_cli::Logging;
use paso_cli::program::{self, Signals};

/// What the end of a script says of which not all commands were done.
pub const NOT_ALL_DONE: u8 = 3;

/// Runs a program as [`program::run`] does, for a `body` that says with which code it has ended.
pub fn run_to_code<F>(logging: impl Into<Logging>, body: impl FnOnce(Signals) -> F) -> ExitCode
where
    F: Future<Output = anyhow::Result<u8>> + Send + 'static,
{
    let code = Arc::new(AtomicU8::new(0));
    let told = Arc::clone(&code);
    let ended = program::run(logging, |signals| {
        let body = body(signals);
        async move {
            told.store(body.await?, Ordering::Relaxed);
            anyhow::Ok(())
        }
    });
    match code.load(Ordering::Relaxed) {
        0 => ended,
        code => ExitCode::from(code),
    }
}
