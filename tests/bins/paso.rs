//! The real `paso`, built for the tests.
fn main() -> std::process::ExitCode {
    programs::paso()
}
