//! The real `proxy1`, built for the tests.
use std::process::ExitCode;

#[global_allocator]
static ALLOCATOR: tunnel::heap::Allocator = tunnel::heap::ALLOCATOR;

fn main() -> ExitCode {
    proxy1::main()
}
