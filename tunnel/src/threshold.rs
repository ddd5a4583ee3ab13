//! The dynamic threshold by which the tickets of a proxy2 share what it has a fixed number of, as the ports of a switch share its
//! memory (Choudhury and Hahne, IEEE/ACM Transactions on Networking 6(2), 1998).

/// How many times what is free one may hold. Less would leave more unused that nobody wants; more would leave less to one that
/// comes last.
const SHARE: usize = 3;

/// Whether one may hold so many while so many are free. Alone it gets three quarters; `n` that want all they can get have
/// `3 / (3 n + 1)` each, and always leave `1 / (3 n + 1)` to those that have nothing yet. The first is had as long as there is one.
pub(crate) fn allows(held: usize, free: usize) -> bool {
    held <= free.saturating_mul(SHARE).max(1)
}
