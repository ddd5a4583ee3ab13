//! The links, one module for each kind.

pub(crate) mod classic;
pub(crate) mod sealed;
