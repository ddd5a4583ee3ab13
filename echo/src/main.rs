//! `echo`, the program; everything is in the library beside it.
fn main() -> std::process::ExitCode {
    echo::main("echo", std::env::args_os().skip(1))
}
