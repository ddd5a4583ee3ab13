//! Where local connections come in.

pub(crate) mod tcp;
