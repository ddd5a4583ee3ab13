//! What an application waits for before it writes on to a stream.

/// What a stream waits for.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Blocked {
    /// Room.
    pub(crate) room: bool,
    /// It stands in the queue of those that hold bytes.
    pub(crate) holding: bool,
    /// It stands in the queue of those that hold none.
    pub(crate) empty: bool,
    /// It stands in the queue of bulk.
    pub(crate) turn: bool,
    /// It was told that its turn has come.
    pub(crate) told: bool,
    /// It waits for credit before it waits for its turn.
    pub(crate) credit: bool,
}
