//! `share`: see `share --help` and `docs/systems/share.md`.

use std::process::ExitCode;

fn main() -> ExitCode {
    share::program::main(std::env::args_os())
}
