//! Manual pages and completions of the programs, made from their command lines. They are committed beside this, in `man` and
//! `completions`, so that a package needs nothing but files; a test says when they do not fit the programs any more.

mod completions;
mod man;

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

/// A file that is made.
#[derive(Debug)]
pub struct Made {
    /// Where, below the folder of this package.
    pub path: PathBuf,
    /// What is in it.
    pub text: String,
}

/// All files.
///
/// # Errors
/// A page cannot be made.
pub fn make() -> io::Result<Vec<Made>> {
    let commands = programs::commands();
    let mut made = Vec::new();
    for command in commands {
        made.extend(completions::of(&command));
        made.extend(man::of(command)?);
    }
    Ok(made)
}

/// Writes all files below `folder`, in place of the manual pages and completions that are there.
///
/// # Errors
/// One cannot be made or written.
pub fn write(folder: &Path) -> io::Result<usize> {
    for old in ["man", "completions"] {
        match fs::remove_dir_all(folder.join(old)) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            _ => {}
        }
    }
    let made = make()?;
    for Made { path, text } in &made {
        let path = folder.join(path);
        fs::create_dir_all(path.parent().unwrap_or(folder))?;
        fs::write(path, text)?;
    }
    Ok(made.len())
}

#[cfg(test)]
mod tests;
