//! The tokio shell that both proxies are made of.
//!
//! [`session::Session`] is one running proxy: made from [`settings`], it binds, tells its addresses, serves until it is
//! asked to end, and answers with its [`metrics`]. The rules of the protocol are in `proto`; here are the sockets, the
//! clock and the bounds on memory.

pub mod address;
pub mod descriptors;
mod drain;
mod entropy;
pub mod invitation;
pub mod limit;
mod link;
mod listen;
mod local;
pub mod metrics;
mod ready;
pub mod reload;
pub mod session;
pub mod settings;
pub mod state;
mod tcp_options;
pub mod udp;
