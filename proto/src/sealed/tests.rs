//! A proxy1 and a proxy2 on a virtual clock, and who would like to disturb them.

mod by_hand;
mod clocks;
mod flood;
mod handshake;
mod hostile;
mod load;
mod packets;
mod pair;
mod replays;
pub(in crate::sealed) mod vectors;
