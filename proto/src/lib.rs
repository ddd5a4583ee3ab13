#![doc = include_str!("../PROTOCOL.md")]

pub mod classic;
pub mod time;

pub use time::Time;
