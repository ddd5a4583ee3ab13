//! A command server for several people at a time: `console serve` publishes it under a name at a proxy2, `console` connects to it.
//!
//! # How it is cut
//!
//! - `room`: who is here and what each is told; `outbox`: what waits for one; `session`: from a line to its answer; `commands` and
//!   `shell`: the tables of what there is. All of these are pure: they wait for nothing, and are told what time it is
//! - `serve`: the server around them, a task for each client; `proxy`: the proxy2 that operators steer
//! - `client`: the other end: a terminal, or a script
//!
//! # The protocol
//!
//! A client sends lines and gets lines, UTF-8, of at most 4,096 bytes each way: `paso nc @console` is a client too. Answers begin at the
//! left; `error: ` is before those that say what was wrong; `* ` is before what happens, and `<NAME> ` before what others say. A line that is the
//! one character [`BEAT`] says that the client is there; it is answered by the same. Who has sent one is held to it. The end of the client's
//! direction is `quit`.

mod args;
mod client;
pub mod commands;
pub mod outbox;
pub mod proxy;
pub mod room;
pub mod serve;
pub mod session;
pub mod shell;

use std::process::ExitCode;
use std::time::Duration;

/// The line by which both ends say that they are there: ACK, which nobody types.
pub const BEAT: &str = "\u{6}";

/// How often a client says so.
pub const BEATS_EVERY: Duration = Duration::from_secs(5);

/// The program `console`: 0 when the session has ended as its user asked, or the server as a signal asked; 1 when it could not begin or was cut
/// off, with a sentence; 2 for bad usage; 3 when a command of a script was answered by an error.
pub fn main() -> ExitCode {
    args::main()
}

pub use client::conversation::{By, Ended, Input, Shown, converse};
