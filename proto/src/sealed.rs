//! The sealed link: reliable, encrypted, many streams.

mod ack;
mod buffer;
mod congestion;
pub mod frame;
mod mtu;
mod pacing;
mod ranges;
mod rate;
mod recovery;
mod recv;
mod rtt;
mod schedule;
mod send;
mod sent;
mod streams;
pub mod transport;
pub mod varint;

pub use streams::Side;
