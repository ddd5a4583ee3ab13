//! The links, one module for each kind.

pub(crate) mod asking;
pub(crate) mod classic;
pub(crate) mod drain_flag;
pub(crate) mod sealed;
