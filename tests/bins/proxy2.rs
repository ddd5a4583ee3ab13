//! The real `proxy2`, built for the tests.
fn main() -> std::process::ExitCode {
    testbed::orphans::end_with_the_tests();
    programs::proxy2()
}
