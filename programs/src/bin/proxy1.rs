//! `proxy1`, the program: `paso in` under its own name.
fn main() -> std::process::ExitCode {
    programs::proxy1()
}
