//! Where there is no service manager of this kind.

use std::convert::Infallible;
use std::io;

/// There is none.
#[derive(Debug)]
pub(super) struct ManagerSocket(Infallible);

impl ManagerSocket {
    /// None.
    #[expect(clippy::unnecessary_wraps, reason = "the other platforms' version can fail")]
    pub(super) const fn of_process() -> io::Result<Option<Self>> {
        Ok(None)
    }

    /// Never.
    #[expect(clippy::unused_async, reason = "the other platforms' version waits")]
    pub(super) async fn send(&self, _text: &str) -> io::Result<()> {
        match self.0 {}
    }
}

/// No manager wants to know it.
pub(super) const fn monotonic_usec() -> u64 {
    0
}
