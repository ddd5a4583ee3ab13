//! `proxy2`, the program; everything is in the library beside it.
fn main() -> std::process::ExitCode {
    proxy2::main()
}
