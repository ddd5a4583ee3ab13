//! The control stream, `ctl/1`: how proxy1 asks proxy2 to listen or to publish for it, and what there is (PROTOCOL.md, section
//! Control stream).
//!
//! - `messages`: the lines, and nothing else
//! - `lines`: lines of bounded length over a stream

#![allow(dead_code, reason = "both ends come next")]

mod lines;
mod messages;
