//! Which files whoever runs a container has put into it from outside: each lies on a mount of its own.
//!
//! Such a file's owner and mode are not this user's to change: Docker gives its secrets mode 0444, Kubernetes 0440 or 0444, and one
//! that is a file of the host has the number of a user of the host. Nor do they say who could read it: the users of a container
//! are one program's.

use std::ffi::OsString;
use std::fs::{self, File, Metadata};
use std::os::fd::AsRawFd;
use std::os::unix::ffi::OsStringExt;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use super::way::ROOT;

/// A mount that is not the container's own file system.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Mount {
    /// Where: a folder, or a single file.
    point: PathBuf,
    /// Nobody here can write to it, not even root.
    read_only: bool,
    /// It keeps nothing on a disk.
    in_memory: bool,
}

impl Mount {
    /// The mount that an open file lies on; `None` outside a container, in its own file system, or where it cannot be known.
    pub(super) fn from_outside(file: &File) -> Option<Self> {
        if !is_in_container() {
            return None;
        }
        let number = fs::read_to_string(format!("/proc/self/fdinfo/{}", file.as_raw_fd())).ok()?;
        let number = number.lines().find_map(|line| line.strip_prefix("mnt_id:"))?.trim();
        let all = fs::read("/proc/self/mountinfo").ok()?;
        let mount = all.split(|byte| *byte == b'\n').find_map(|line| Self::parse(line, number.as_bytes()))?;
        Some(mount).filter(|mount| mount.point != Path::new("/"))
    }

    /// A line of `mountinfo` (proc(5)) about the mount with that number: number, parent, device, root, point, options, more
    /// options, `-`, type, source, options of the file system.
    fn parse(line: &[u8], number: &[u8]) -> Option<Self> {
        let words: Vec<_> = line.split(|byte| *byte == b' ').collect();
        let [first, _, _, _, point, options, more @ ..] = &words[..] else { return None };
        let behind = more.iter().position(|word| *word == b"-")?;
        let [_, kind, _, super_options, ..] = more.get(behind..)? else { return None };
        let is_read_only = |options: &[u8]| options.split(|byte| *byte == b',').any(|option| option == b"ro");
        (*first == number).then(|| Self {
            point: unescaped(point),
            read_only: is_read_only(options) || is_read_only(super_options),
            in_memory: matches!(*kind, b"tmpfs" | b"ramfs"),
        })
    }

    /// Whether nobody here can change what lies on it.
    pub(super) const fn is_read_only(&self) -> bool {
        self.read_only
    }

    /// Where it is, if nobody here can change what lies on it.
    pub(super) fn fixed_point(&self) -> Option<&Path> {
        self.read_only.then_some(&*self.point)
    }

    /// Whether a file on it with that metadata is there as a secret: on a read-only file system in memory, as Kubernetes has
    /// them, or mounted by itself, as Docker and Podman do it, where nobody but root can write to it. `/tmp` and `/dev/shm` are in
    /// memory too, and everybody's.
    pub(super) fn is_for_secrets(&self, found: &Metadata) -> bool {
        /// Write permission for anybody but the owner.
        const OTHERS_WRITE: u32 = 0o022;
        let is_single = !self.point.is_dir();
        let is_roots = found.uid() == ROOT && found.mode() & OTHERS_WRITE == 0;
        if is_single { self.read_only || is_roots } else { self.read_only && self.in_memory }
    }
}

/// Whether this is the inside of a container: processes have other numbers than outside, or Docker or Podman have left their sign,
/// which root alone can do. (Services of systemd are not: they have their credentials.)
fn is_in_container() -> bool {
    /// The number of the machine's own namespace of process numbers, the same everywhere: `PROC_PID_INIT_INO`.
    const OUTSIDE: &str = "pid:[4026531836]";
    const SIGNS: [&str; 2] = ["/.dockerenv", "/run/.containerenv"];
    fs::read_link("/proc/self/ns/pid").is_ok_and(|own| own != Path::new(OUTSIDE))
        || SIGNS.iter().any(|sign| Path::new(sign).exists())
}

/// A path in which blanks and backslashes stand as `\` and three octal digits.
fn unescaped(text: &[u8]) -> PathBuf {
    let (mut path, mut rest) = (Vec::with_capacity(text.len()), text);
    while let Some((&first, behind)) = rest.split_first() {
        let digits = behind.split_first_chunk::<3>().filter(|_| first == b'\\');
        let code = digits.and_then(|(digits, _)| u8::from_str_radix(str::from_utf8(digits).ok()?, 8).ok());
        (rest, _) = match (digits, code) {
            (Some((_, behind)), Some(code)) => (behind, path.push(code)),
            _ => (behind, path.push(first)),
        };
    }
    OsString::from_vec(path).into()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mount(line: &str) -> Option<Mount> {
        Mount::parse(line.as_bytes(), b"28")
    }

    #[test]
    fn a_line_of_mountinfo_is_read() {
        let secrets = |point: &str, read_only, in_memory| Mount { point: point.into(), read_only, in_memory };
        let docker = "28 27 0:25 /db /run/secrets/db ro,relatime - tmpfs tmpfs rw,size=4k";
        assert_eq!(mount(docker), Some(secrets("/run/secrets/db", true, true)));
        let shared =
            r"28 27 8:1 / /a\040b\134c rw,relatime shared:1 master:2 - ext4 /dev/sda1 ro,errors=remount-ro";
        assert_eq!(mount(shared), Some(secrets(r"/a b\c", true, false)));
        let writable = "28 27 0:25 / /tmp rw,nosuid - tmpfs tmpfs rw,error=ro";
        assert_eq!(mount(writable), Some(secrets("/tmp", false, true)));
    }

    #[test]
    fn other_lines_are_not() {
        for line in [
            "",
            "28",
            "128 27 0:25 / /x ro - tmpfs tmpfs rw",
            "27 28 0:25 / /x ro - tmpfs tmpfs rw",
            "28 27 0:25 / /x ro",
            "28 27 0:25 / /x ro - tmpfs",
        ] {
            assert_eq!(mount(line), None, "{line}");
        }
    }

    #[test]
    fn what_is_in_the_machines_own_file_system_is_from_nowhere() {
        // In a container too: what cargo has built lies in no secret's place.
        let file = File::open("/proc/self/exe").unwrap();
        let mount = Mount::from_outside(&file);
        assert!(mount.is_none_or(|mount| !mount.in_memory || !mount.read_only));
    }
}
