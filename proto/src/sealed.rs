//! The sealed link: reliable, encrypted, many streams.
//!
//! The cryptographic half: who may join ([`keys`], [`crate::ticket`]), how a link gets its keys
//! ([`initiator`], [`acceptor`]) and how a packet is sealed with them ([`cipher`], [`packet`], [`replay`]).
//!
//! proxy1 keeps one [`Initiator`](initiator::Initiator) a process, proxy2 one [`Acceptor`](acceptor::Acceptor).
//! A handshake is one initiation and one response; both end with a [`Session`](cipher::Session), two packet keys. A new
//! session replaces the old one at proxy2 only when the first packet sealed with it has been opened.

pub mod acceptor;
pub mod benching;
pub mod cipher;
pub mod cookie;
pub mod end_code;
pub mod fuzzing;
pub mod handshake;
pub mod hub;
pub mod initiator;
pub mod keys;
pub mod link;
pub mod packet;
pub mod random;
pub mod replay;

mod challenge;
mod handshake_limiter;
mod link_addresses;
pub(crate) mod mac;
mod message;
mod noise;
mod rate_limit;
mod replay_guard;
mod request;
mod seen_proofs;
mod source_limiter;
mod work_budget;

mod ack;
pub mod budget;
mod congestion;
mod early;
pub mod frame;
mod levels;
mod mtu;
mod pacing;
mod pool;
mod promises;
mod ranges;
mod rate;
mod recovery;
mod recv;
mod recv_buffer;
mod rtt;
mod schedule;
mod send;
mod send_buffer;
mod sent;
mod spare;
mod stream;
mod streams;
pub mod transport;
pub mod varint;
mod window;

pub use recovery::Counts;
pub use recv::Violation;
pub use streams::Side;

#[cfg(test)]
mod tests;
