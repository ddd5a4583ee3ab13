//! The limit of open files, RLIMIT_NOFILE. What exceeds the soft limit fails with `EMFILE`; a process may raise it to
//! the hard one by itself.

use rustix::io::Errno;
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

/// As much as systems grant that take no larger number, though their hard limit is said to be infinite (macOS).
const COMMON: u64 = 10_240;

/// Raises the soft limit to the hard one. It is low by default (1,024) only for programs that use `select`.
pub fn raise() {
    let Rlimit { current, maximum } = getrlimit(Resource::Nofile);
    let raised = setrlimit(Resource::Nofile, Rlimit { current: maximum, maximum });
    if raised.is_err() && current.is_some_and(|current| current < COMMON) {
        // If this fails too, there are as many as before.
        let _ = setrlimit(Resource::Nofile, Rlimit { current: Some(COMMON), maximum });
    }
}

/// The soft limit; `None`: there is none.
pub(super) fn most() -> Option<usize> {
    getrlimit(Resource::Nofile).current.map(|most| usize::try_from(most).unwrap_or(usize::MAX))
}

/// Whether an error of the system says that the process, or the machine, has no descriptor left.
pub(super) fn are_exhausted(error: i32) -> bool {
    [Errno::MFILE, Errno::NFILE].iter().any(|errno| errno.raw_os_error() == error)
}
