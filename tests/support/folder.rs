//! A folder of one's own, for state and ticket files.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};

/// An empty folder that is deleted with the value.
#[derive(Debug)]
pub struct Folder(PathBuf);

impl Folder {
    /// A new one below the system's folder for temporary files.
    ///
    /// # Panics
    /// When it cannot be made.
    #[must_use]
    pub fn new() -> Self {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        let name = format!("paso-test-{}-{}", std::process::id(), NEXT.fetch_add(1, Ordering::Relaxed));
        let path = std::env::temp_dir().join(name);
        let mut builder = fs::DirBuilder::new();
        // Whatever the umask: where others may write, proxy2 keeps no secrets.
        #[cfg(unix)]
        std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
        builder.create(&path).expect("a temporary folder can be made");
        Self(path)
    }

    /// Whether other users can come to it once all may enter it: not where the folder for temporary files is closed to them, as
    /// macOS has it.
    ///
    /// # Panics
    /// When it is gone.
    #[cfg(unix)]
    #[must_use]
    pub fn is_in_public(&self) -> bool {
        use std::os::unix::fs::PermissionsExt;
        let whole = self.0.canonicalize().expect("it is there");
        let above = whole.ancestors().skip(1).map(|path| fs::metadata(path).expect("it is there"));
        above.map(|found| found.permissions().mode()).all(|mode| mode & 0o001 != 0)
    }

    /// Where something in it is, as text for a command line.
    ///
    /// # Panics
    /// When the system's folder for temporary files has a name that is not UTF-8.
    #[must_use]
    pub fn path(&self, name: &str) -> String {
        self.0.join(name).to_str().expect("a readable path").into()
    }

    /// Writes a file that its owner alone can read, unless `mode` says otherwise.
    ///
    /// # Panics
    /// When it cannot be written.
    #[must_use]
    pub fn file(&self, name: &str, text: &str, mode: u32) -> String {
        let path = self.path(name);
        fs::write(&path, text).expect("a file can be written");
        set_mode(Path::new(&path), mode);
        path
    }
}

impl Default for Folder {
    fn default() -> Self {
        Self::new()
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        _ = fs::remove_dir_all(&self.0);
    }
}

/// Sets the mode of a file, where there are modes.
///
/// # Panics
/// When there is no such file.
pub fn set_mode(path: &Path, mode: u32) {
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        fs::set_permissions(path, PermissionsExt::from_mode(mode)).expect("the file is there");
    }
    #[cfg(not(unix))]
    let _ = (path, mode);
}
