#![doc = include_str!("../PROTOCOL.md")]

pub mod classic;
pub mod sealed;
pub mod target;
pub mod ticket;
pub mod time;

pub use time::Time;
