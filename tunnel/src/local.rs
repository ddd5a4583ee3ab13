//! What stands at this side of a link: listeners whose clients are carried, targets that are dialled, this process itself.

pub(crate) mod access;
pub(crate) mod dial;
pub(crate) mod end;
pub(crate) mod forwarding;
pub(crate) mod forwards;
pub(crate) mod grant;
pub(crate) mod held;
pub(crate) mod listener;
pub(crate) mod listeners;
pub(crate) mod pipe;
pub(crate) mod proxy;
pub(crate) mod proxy_protocol;
pub(crate) mod relay;
pub(crate) mod stdio;
pub(crate) mod stream;
pub(crate) mod udp;
pub(crate) mod visitors;
