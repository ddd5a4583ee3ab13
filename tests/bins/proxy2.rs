//! The real `proxy2`, built for the tests.
use std::process::ExitCode;

#[global_allocator]
static ALLOCATOR: tunnel::heap::Allocator = tunnel::heap::ALLOCATOR;

fn main() -> ExitCode {
    proxy2::main()
}
