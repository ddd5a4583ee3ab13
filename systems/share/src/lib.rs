//! A file sharing system on the `paso` library.
//!
//! - [`wire`]: the bytes that go to and fro
//! - [`hash`]: what a file is known by
//! - [`index`]: who there is and what they have published, on the disk
//! - [`multifile`]: one file from all who have it
//! - [`client`]: asks the server, fetches from others, serves what is published
//! - [`names`]: what users are called on the link
//! - [`serve`]: the server
//! - [`services`]: the logger and the clock
//! - [`program`]: the command line

mod admission;
mod callers;
pub mod client;
mod ending;
pub mod hash;
pub mod index;
pub mod multifile;
pub mod names;
pub mod program;
pub mod serve;
pub mod services;
pub mod wire;
