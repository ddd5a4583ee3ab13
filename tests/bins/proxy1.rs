//! The real `proxy1`, built for the tests.
fn main() -> std::process::ExitCode {
    programs::proxy1()
}
