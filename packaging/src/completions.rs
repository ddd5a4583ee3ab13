//! Completions for shells. The home of `clap_complete`.

use std::path::PathBuf;

use clap::Command;
use clap_complete::{Shell, generate};

use crate::Made;

/// Of one program, named as each shell looks for them.
pub(crate) fn of(command: &Command) -> Vec<Made> {
    let name = command.get_name();
    let files = [
        (Shell::Bash, format!("bash/{name}")),
        (Shell::Zsh, format!("zsh/_{name}")),
        (Shell::Fish, format!("fish/{name}.fish")),
    ];
    let made = |(shell, file): (Shell, String)| {
        let mut text = Vec::new();
        generate(shell, &mut command.clone(), name, &mut text);
        let text = String::from_utf8_lossy(&text).into_owned();
        Made { path: PathBuf::from("completions").join(file), text }
    };
    files.map(made).into()
}
