//! How much has been read of a stream, in steps: who was read much of gets more.

/// Up to how many bytes were read of the streams of a level, and its quota in eighths of the memory. Quotas overlap: crowds of
/// several kinds at a time are rarer than one that needs much, and the last of the memory is kept from all of them.
///
/// - Of the first less was read than is promised: nobody has shown that they are read at all, and they may hold their first
///   window only.
/// - What Linux takes in for a stuck reader, with `TCP_NOTSENT_LOWAT`: some 200 kB.
/// - The same of readers that were stopped a little later.
/// - What it takes in without it: `tcp_wmem` is 4 MiB by default, `tcp_rmem` 6 MiB.
pub(crate) const LEVELS: [(u64, u64); 5] =
    [(0, 0), (256 * 1024, 2), (1 << 20, 3), (4 << 20, 4), (16 << 20, 5)];

/// How much has been read of a stream: the place of its level, and behind the last one [`Level::TOP`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Level(pub(crate) usize);

impl Level {
    /// Of these so much was read that no quota binds them.
    pub(crate) const TOP: Self = Self(LEVELS.len());

    /// The level of a stream once `read` bytes were read, with `promised` bytes still to come.
    pub(crate) fn next(self, read: u64, promised: u64) -> Self {
        if self == Self::default() && read < promised {
            return self;
        }
        Self(LEVELS.iter().take_while(|(end, _)| *end <= read).count())
    }
}
