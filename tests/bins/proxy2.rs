//! The real `proxy2`, built for the tests.
fn main() -> std::process::ExitCode {
    proxy2::main()
}
