//! Numbers in the width in which they are counted.

/// A length as a number that is added up.
pub(crate) fn widen(length: usize) -> u64 {
    u64::try_from(length).unwrap_or(u64::MAX)
}
