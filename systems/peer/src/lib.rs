//! The parts of `peer`, a network of equals on the library `paso`.

pub mod dice;
pub mod jobs;
pub mod overlay;
