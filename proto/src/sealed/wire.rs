//! Bytes: packets and frames, and the numbers in them.

pub mod ecn;
pub mod end_code;
pub mod frame;
pub mod packet;
pub(crate) mod ranges;
pub mod reset_code;
pub mod varint;
