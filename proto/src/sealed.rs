//! The sealed link: reliable, encrypted, many streams.
//!
//! The code is cut into wings, here from the lowest to the highest. A file imports only from its own wing and from lower
//! ones. The tests, `fuzzing` and `benching` (features) import from all of them.
//!
//! - [`wire`]: the bytes of packets and frames, and the numbers in them.
//! - [`crypto`]: keys, the Noise handshake, the ciphers that seal packets, the replay window. [`crate::ticket`], which says who may
//!   join, sits beside it: a ticket is made of keys, and the handshake starts from a ticket.
//! - [`handshake`]: how a link gets its keys, and who may ask for them how often.
//! - [`streams`]: streams, their flow control, and the memory of what they hold.
//! - `recovery`: what was sent and what came of it: acknowledgements, losses, round trips, congestion control.
//! - [`transport`]: streams over packets, without sealing.
//! - [`link`]: one end of a link: a transport under keys that change, towards an address that changes.
//! - [`endpoint`]: proxy2's table of links: which datagram belongs to which link, and who may have a new one.
//!
//! proxy1 keeps one [`Initiator`](handshake::initiator::Initiator) a process, proxy2 one [`Responder`](handshake::responder::Responder).
//! A handshake is one initiation and one response; both end with a [`SessionKeys`](crypto::cipher::SessionKeys), two packet keys. A new
//! session replaces the old one at proxy2 only when the first packet sealed with it has been opened.

#[cfg(any(test, feature = "benching"))]
pub mod benching;
pub mod crypto;
pub mod endpoint;
#[cfg(any(test, feature = "fuzzing"))]
pub mod fuzzing;
pub mod handshake;
pub mod link;
pub(crate) mod recovery;
pub mod streams;
pub mod transport;
pub mod wire;

pub use recovery::counts::Counts;
pub use streams::recv::StreamViolation;
pub use streams::table::Side;

#[cfg(test)]
mod tests;
