//! The real `proxy2`, built for the tests.
fn main() -> std::process::ExitCode {
    programs::proxy2()
}
