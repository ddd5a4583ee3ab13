//! What the behaviour tests stand on: pairs in process, real processes, bad networks.

pub mod classic_frame;
pub mod classic_model;
