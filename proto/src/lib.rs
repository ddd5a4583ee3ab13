#![doc = include_str!("../PROTOCOL.md")]

pub mod classic;
pub mod sealed;
#[cfg(any(test, feature = "sim"))]
pub mod sim;
pub mod target;
pub mod ticket;
pub mod time;

pub use time::Time;
