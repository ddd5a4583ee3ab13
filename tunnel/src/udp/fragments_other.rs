//! Fragments of datagrams, where the system is not told whether to make them.

/// Changes nothing.
pub(super) const fn allow<S>(_socket: &S, _v6: bool) {}

/// Changes nothing.
pub(super) const fn forbid<S>(_socket: &S, _v6: bool) {}
