//! The real `echo`, built for the tests.
fn main() -> std::process::ExitCode {
    echo::main("echo", std::env::args_os().skip(1))
}
