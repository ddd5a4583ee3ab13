//! `proxy1`, the program; everything is in the library beside it.
use std::process::ExitCode;

#[global_allocator]
static ALLOCATOR: tunnel::heap::Allocator = tunnel::heap::ALLOCATOR;

fn main() -> ExitCode {
    proxy1::main()
}
