//! `proxy1`, the program; everything is in the library beside it.
fn main() -> std::process::ExitCode {
    proxy1::main()
}
