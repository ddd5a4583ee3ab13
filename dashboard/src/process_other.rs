//! Where the system is not asked about this process.

use super::Process;

/// Nothing.
pub(super) fn now() -> Process {
    Process::default()
}
