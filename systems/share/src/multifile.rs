//! One file from all who have it: blocks of 1 MiB, each proven by its hash.
//!
//! - `plan`: who is to bring which block; no I/O
//! - `partial`: the file as far as it has come, on the disk
//! - `holder`: one who has the file, as the downloader sees it
//! - `download`: all of that together

pub mod download;
pub mod holder;
pub mod partial;
pub mod plan;
