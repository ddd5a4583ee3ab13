//! What the system says of this process.

#[cfg_attr(any(target_os = "linux", target_os = "android"), path = "process_linux.rs")]
#[cfg_attr(not(any(target_os = "linux", target_os = "android")), path = "process_other.rs")]
mod os;

/// What the system says of this process; `None` where it does not.
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
        os::now()
    }
}
