//! The control stream, `ctl/1`: how proxy1 asks proxy2 to listen or to publish for it, and what there is (PROTOCOL.md, section
//! Control stream).
//!
//! - `messages`: the lines, and nothing else
//! - `places`: how the places in them are written
//! - `lines`: lines of bounded length over a stream
//! - `outgoing`: lines that wait to be written
//! - `server`: what proxy2 does for each such stream, and how a stream finds a publisher
//! - `client`: what proxy1 has registered, asked and is told

pub(crate) mod client;
mod lines;
mod messages;
mod outgoing;
mod places;
pub(crate) mod server;
