//! The sealed link: reliable, encrypted, many streams.
//!
//! The cryptographic half: who may join ([`crypto::keys`], [`crate::ticket`]), how a link gets its keys
//! ([`handshake::initiator`], [`handshake::responder`]) and how a packet is sealed with them ([`crypto::cipher`], [`wire::packet`], [`crypto::replay`]).
//!
//! proxy1 keeps one [`Initiator`](handshake::initiator::Initiator) a process, proxy2 one [`Responder`](handshake::responder::Responder).
//! A handshake is one initiation and one response; both end with a [`Session`](crypto::cipher::Session), two packet keys. A new
//! session replaces the old one at proxy2 only when the first packet sealed with it has been opened.

pub mod benching;
pub mod crypto;
pub mod endpoint;
pub mod fuzzing;
pub mod handshake;
pub mod link;
pub(crate) mod recovery;
pub mod streams;
pub mod transport;
pub mod wire;

pub use recovery::loss_detection::Counts;
pub use streams::recv::Violation;
pub use streams::table::Side;

#[cfg(test)]
mod tests;
