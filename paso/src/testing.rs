//! For the tests of programs that use this crate (feature `testing`): networks that are as bad as a test wants.

pub mod middlebox;

pub use self::middlebox::{Counts, Middlebox, Way, Weather};
