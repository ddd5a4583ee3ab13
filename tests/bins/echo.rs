//! The real `echo`, built for the tests.
fn main() -> std::process::ExitCode {
    echo::main()
}
