//! Whether a ticket file that the user names is a secret: whether a stranger, anybody but this user and root, could read it or put
//! another one in its place.
//!
//! Its mode alone does not say so. OpenSSH asks for 0600 of this user's own files only; PostgreSQL lets root's be readable for a
//! group; WireGuard's `wg-quick` looks at the file and its folder together. Here a file that is readable for others is a secret
//! if strangers cannot get to it, or if it was given by who runs a container or a service.

use std::fs::{self, File, Metadata, OpenOptions};
use std::io;
use std::os::unix::fs::{FileTypeExt, MetadataExt, OpenOptionsExt};
use std::path::Path;

use rustix::fs::{OFlags, fcntl_getfl, fcntl_setfl};

use super::mount::Mount;
use super::private_group;
use super::way::{Checks, ROOT, Way, is_closed};
use super::{OTHERS, Purpose, StateError, failed};

/// Opens a file that the user names, without waiting if it is a named pipe.
pub(in crate::state) fn open_given(path: &Path) -> io::Result<File> {
    OpenOptions::new().read(true).custom_flags(OFlags::NONBLOCK.bits().cast_signed()).open(path)
}

/// Refuses what a stranger could read or replace, and what is no file. A pipe or a file without a name that a shell hands over
/// (`<(…)`, `<<END`) has no place where a stranger could find it.
pub(in crate::state) fn check_given(file: &File, path: &Path) -> Result<(), StateError> {
    let found = file.metadata().map_err(failed("look at", path))?;
    if is_own_descriptor(path) && (found.file_type().is_fifo() || found.is_file() && found.nlink() == 0) {
        return wait_for_bytes(file).map_err(failed("read", path));
    }
    let no_file = || StateError::NoTicketFile { path: path.into() };
    if !found.is_file() {
        return Err(no_file());
    }
    let mount = Mount::from_outside(file);
    let checks = Checks { purpose: Purpose::Ticket, fixed: mount.as_ref().and_then(Mount::fixed_point) };
    let whole = match checks.walk(path)? {
        Way::File(whole) => whole,
        Way::Missing(path) => return Err(StateError::Missing { path }),
        Way::Folder => return Err(no_file()),
    };
    let is_secret = found.mode() & OTHERS == 0
        || whole.ancestors().skip(1).any(is_closed_folder)
        || mount.is_some_and(|mount| mount.is_for_secrets(&found))
        || is_roots_for_this_user(&found, &whole)
        || is_credential(&whole);
    if is_secret { Ok(()) } else { Err(StateError::ExposedTicket { path: path.into() }) }
}

/// Whether a path names what this process has open already.
fn is_own_descriptor(path: &Path) -> bool {
    const FOLDERS: [&str; 2] = ["/dev/fd", "/proc/self/fd"];
    path == Path::new("/dev/stdin")
        || path.parent().is_some_and(|folder| FOLDERS.iter().any(|own| folder == Path::new(own)))
}

/// From now on reading waits.
fn wait_for_bytes(file: &File) -> io::Result<()> {
    fcntl_setfl(file, fcntl_getfl(file)? - OFlags::NONBLOCK)?;
    Ok(())
}

fn is_closed_folder(path: &Path) -> bool {
    fs::symlink_metadata(path).is_ok_and(|found| is_closed(&found, path))
}

/// Whether root has made a file readable for the group that this user alone is in, as distributions do for services.
fn is_roots_for_this_user(found: &Metadata, path: &Path) -> bool {
    /// Anything but to read it, for the group; anything for all others.
    const MORE: u32 = 0o037;
    let is_roots = found.uid() == ROOT && !rustix::process::geteuid().is_root();
    is_roots && found.mode() & MORE == 0 && private_group::is_private(found, path)
}

/// Whether a file is one of those that systemd gives a service (`LoadCredential=`). An access control list names the service's user
/// there, so the bits of the group are the most that this user has.
fn is_credential(path: &Path) -> bool {
    /// To write, for the group; anything for all others.
    const MORE: u32 = 0o027;
    let Some(folder) = std::env::var_os("CREDENTIALS_DIRECTORY") else { return false };
    let Ok(folder) = fs::canonicalize(folder) else { return false };
    let is_roots = folder
        .metadata()
        .is_ok_and(|found| found.uid() == ROOT && found.is_dir() && found.mode() & MORE == 0);
    is_roots && path.starts_with(folder)
}
