//! What the behaviour tests stand on: pairs in process, real processes, bad networks.

pub mod asker;
pub mod classic_frame;
pub mod classic_model;
pub mod client;
pub mod fill;
pub mod folder;
pub mod orphans;
pub mod pair;
pub mod process;
pub mod seed;
pub mod target;
pub mod udp;

pub use paso::testing::middlebox;
