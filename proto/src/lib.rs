#![doc = include_str!("../PROTOCOL.md")]

pub mod time;

pub use time::Time;
