//! The tokio shell that both proxies are made of.
//!
//! [`session::Session`] is one proxy: made from [`settings`], it binds and tells its addresses. Once it runs there is a
//! [`session::Handle`]: with it forwards come and go, this process opens streams of its own, and the session is closed, which
//! answers with its [`metrics`]. The rules of the protocol are in `proto`; here are the sockets, the clock and the bounds on
//! memory. For programs that embed a link there is the crate `paso`.

pub mod address;
mod bind_error;
mod changes;
mod clock;
mod control;
pub mod descriptors;
pub mod doctor;
mod drain;
mod entropy;
pub mod handover;
pub mod invitation;
pub mod limit;
mod link;
pub mod listen;
mod local;
pub mod metrics;
mod names;
mod number;
pub mod passed;
mod ready;
pub mod reload;
pub mod rules;
mod sentence;
pub mod session;
pub mod settings;
pub mod state;
mod tcp_options;
pub mod threads;
mod threshold;
pub mod udp;
pub mod view;
pub mod visible;
mod wish;

/// Counts, for tests of what something holds.
#[cfg(test)]
#[global_allocator]
static ALLOCATOR: heap::Counted = heap::Counted;
