//! The tokio shell that both proxies are made of.

pub mod address;
pub mod pace;
mod queue;
mod ready;
pub mod udp;
pub mod units;
