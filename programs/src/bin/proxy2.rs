//! `proxy2`, the program: `paso out` under its own name, with `paso ticket`.
fn main() -> std::process::ExitCode {
    programs::proxy2()
}
