//! Programs that would outlive the tests: a run that is killed, or that a panic aborts, drops nothing.

use std::io;
use std::process::{Child, Command};
use std::sync::LazyLock;
use std::sync::mpsc::{Sender, SyncSender, channel, sync_channel};
use std::thread;

/// Tells a program which process the tests are.
const TESTS: &str = "TESTBED_PROCESS";

/// Has this process be killed when the thread that started it ends, as the last one does with its process. Programs under test call it
/// first of all. One that another program has started, to go on when that one ends, is left alone.
///
/// # Panics
/// When the system does not let it.
pub fn end_with_the_tests() {
    #[cfg(target_os = "linux")]
    if std::env::var(TESTS).is_ok_and(|tests| tests == std::os::unix::process::parent_id().to_string()) {
        rustix::process::set_parent_process_death_signal(Some(rustix::process::Signal::KILL))
            .expect("a process may choose that");
    }
}

/// Starts a program from a thread that lives as long as this process does: that of a test may end before.
///
/// # Panics
/// When it cannot be started.
pub(crate) fn start(path: &str, mut command: Command) -> Child {
    command.env(TESTS, std::process::id().to_string());
    type Job = (Command, SyncSender<io::Result<Child>>);
    static STARTER: LazyLock<Sender<Job>> = LazyLock::new(|| {
        let (sender, jobs) = channel::<Job>();
        thread::spawn(move || jobs.iter().for_each(|(mut command, to)| drop(to.send(command.spawn()))));
        sender
    });
    let (to, started) = sync_channel(1);
    STARTER.send((command, to)).expect("it does not end");
    let started = started.recv().expect("it answers");
    started.unwrap_or_else(|error| panic!("cannot start {path}: {error}"))
}
