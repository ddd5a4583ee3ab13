//! `peer`: see `peer --help` and `docs/systems/peer.md`.

use std::process::ExitCode;

fn main() -> ExitCode {
    peer::program::main(std::env::args_os())
}
