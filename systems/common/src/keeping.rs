//! What the programs keep for their user: a folder, and small files in it.

use std::fs::{self, DirBuilder, OpenOptions};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

/// The folder of what a program keeps: `$XDG_STATE_HOME/PROGRAM`, else `~/.local/state/PROGRAM`; `None`: there is no such place. It may
/// not be there yet.
pub fn state_folder(program: &str) -> Option<PathBuf> {
    let absolute = |name| std::env::var_os(name).map(PathBuf::from).filter(|path| path.is_absolute());
    let state = absolute("XDG_STATE_HOME").or_else(|| Some(absolute("HOME")?.join(".local/state")))?;
    Some(state.join(program))
}

/// Makes a folder for its owner alone, and those that it is in, if it is not there.
///
/// # Errors
/// It cannot be made.
pub fn make_private(folder: &Path) -> io::Result<()> {
    let mut builder = DirBuilder::new();
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.recursive(true).create(folder)
}

/// Writes a file for its owner alone. What is there afterwards is all of the old one or of the new, also if the machine stops.
///
/// # Errors
/// It cannot be written; the old one is still there.
pub fn replace(file: &Path, bytes: &[u8]) -> io::Result<()> {
    let mut new = file.to_owned().into_os_string();
    new.push(".new");
    let mut options = OpenOptions::new();
    options.write(true).create(true).truncate(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let mut writing = options.open(&new)?;
    writing.write_all(bytes)?;
    writing.sync_all()?;
    fs::rename(new, file)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_replaced_whole_in_a_folder_of_its_own() {
        let top = std::env::temp_dir().join(format!("paso-keeping-{}", std::process::id()));
        let (folder, file) = (top.join("a/b"), top.join("a/b/names.of.all"));
        make_private(&folder).unwrap();
        make_private(&folder).unwrap();
        replace(&file, b"a long text").unwrap();
        replace(&file, b"short").unwrap();
        assert_eq!(fs::read(&file).unwrap(), b"short");
        assert_eq!(fs::read_dir(&folder).unwrap().count(), 1, "nothing is left beside it");
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt;
            let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
            assert_eq!((mode(&top), mode(&folder), mode(&file)), (0o700, 0o700, 0o600));
        }
        assert!(replace(&top.join("no/such"), b"").is_err());
        fs::remove_dir_all(top).unwrap();
    }
}
