//! The bytes of the course's protocol, and of the operations that are ours: no I/O.
//!
//! A request is the name of an operation, perhaps a date, then the fields of the operation, each ended by a zero byte. The
//! answer is one byte, and behind a success what was asked for, again texts that end with zero bytes. After that the connection
//! is over.
//!
//! Sources of the facts: the assignment "Sistema peer-to-peer" of the subject Distributed Systems at the Universidad Carlos III
//! de Madrid (2023 to 2025), and public solutions of it. Solutions differ in whether and where they send a date, and a few send
//! the status as a digit with a zero byte behind it; see `docs/systems/share.md`.

pub mod date;
pub mod operation;
pub mod outcome;
pub mod peer;
pub mod reply;
pub mod request;

/// The longest field in bytes, without the zero byte behind it: the course's number.
pub const MAX_FIELD: usize = 255;
