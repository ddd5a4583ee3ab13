//! What a proxy does at its own side of the link: TCP connections that are accepted, and that are dialled.

pub(crate) mod dial;
pub(crate) mod listener;
