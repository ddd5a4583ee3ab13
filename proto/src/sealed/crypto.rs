//! Keys, and what is done with them. Each foreign crate of cryptography has its home here.

pub mod cipher;
pub mod keys;
pub(crate) mod mac;
pub(crate) mod noise;
pub mod random;
pub mod replay;
