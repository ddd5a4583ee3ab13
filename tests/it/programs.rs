//! The programs under test: cargo builds them for this test target, and names them to it alone.

pub(crate) const ECHO: &str = env!("CARGO_BIN_EXE_echo-under-test");
pub(crate) const PROXY1: &str = env!("CARGO_BIN_EXE_proxy1-under-test");
pub(crate) const PROXY2: &str = env!("CARGO_BIN_EXE_proxy2-under-test");
