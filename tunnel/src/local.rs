//! What stands at this side of a link: listeners whose clients are carried, targets that are dialled, this process itself.

pub(crate) mod access;
pub(crate) mod dial;
pub(crate) mod forwarding;
pub(crate) mod listener;
pub(crate) mod pipe;
pub(crate) mod stream;
