//! Where the system is not asked about this process.

/// What the system says of this process: nothing.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Process {
    /// Bytes of memory that are in use.
    pub(crate) resident_bytes: Option<u64>,
    /// Descriptors that are open.
    pub(crate) open_files: Option<u64>,
    /// How many there may be.
    pub(crate) max_files: Option<u64>,
}

impl Process {
    /// As it is now.
    pub(crate) fn now() -> Self {
        Self::default()
    }
}
