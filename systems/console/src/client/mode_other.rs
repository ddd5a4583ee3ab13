//! Where a terminal has no modes of that kind.

/// Nothing to restore.
#[derive(Debug)]
pub(super) struct Saved;

impl Saved {
    pub(super) const fn now() -> Self {
        Self
    }
}
