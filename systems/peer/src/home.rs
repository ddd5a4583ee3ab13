//! The folder of a node: its key, when it began last, and the socket at which programs of its user reach it.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Read};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::time::{SystemTime, UNIX_EPOCH};

use anyhow::{Context, bail, ensure};
use rustix::fs::{FlockOperation, flock};
use rustix::process::geteuid;

use crate::overlay::{MAX_NUMBER, Name};
use crate::proof::Signer;

/// A node's folder, which no other process has.
#[derive(Debug)]
pub(crate) struct Home {
    folder: PathBuf,
    /// Locked as long as the node lives; a crash lets it go.
    _lock: File,
}

/// Where the folders of all nodes of this user are.
pub(crate) fn all() -> anyhow::Result<PathBuf> {
    let folder = common::state_folder("paso-peer");
    folder.context("neither XDG_STATE_HOME nor HOME is a folder: say which one with --home")
}

/// Where the node with this folder is reached.
pub(crate) fn socket(folder: &Path) -> PathBuf {
    folder.join("socket")
}

/// Now, in milliseconds since 1970.
pub(crate) fn unix_time() -> u64 {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(now.as_millis()).unwrap_or(u64::MAX).min(MAX_NUMBER)
}

impl Home {
    /// The folder, made if it is not there. Nobody else may read it, and no other node may run in it.
    pub(crate) fn open(folder: Option<&Path>, name: &Name) -> anyhow::Result<Self> {
        let folder = match folder {
            Some(folder) => folder.to_owned(),
            None => all()?.join(name.as_str()),
        };
        let shown = folder.display().to_string();
        common::make_private(&folder).with_context(|| format!("the folder {shown} cannot be made"))?;
        let about = fs::metadata(&folder).with_context(|| format!("the folder {shown} cannot be read"))?;
        let is_own = about.uid() == geteuid().as_raw() && about.mode() & 0o077 == 0;
        ensure!(is_own, "others may use the folder {shown}, which holds a secret key: chmod 700 '{shown}'");
        let lock = OpenOptions::new().create(true).append(true).mode(0o600).open(folder.join("lock"));
        let lock = lock.with_context(|| format!("{shown}/lock cannot be made"))?;
        if flock(&lock, FlockOperation::NonBlockingLockExclusive).is_err() {
            bail!("a node runs in {shown} already: end it with `peer stop`, or give this one another --home");
        }
        Ok(Self { folder, _lock: lock })
    }

    /// Where programs of the same user reach the node.
    pub(crate) fn socket(&self) -> PathBuf {
        socket(&self.folder)
    }

    /// The node's key, made at the first start.
    pub(crate) fn signer(&self) -> anyhow::Result<Signer> {
        let file = self.folder.join("key");
        let shown = file.display();
        match self.read("key") {
            Ok(bytes) => Signer::read(&bytes)
                .with_context(|| format!("{shown} holds no key: move it away, and the node makes a new one")),
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                let made = Signer::generate().ok();
                let (signer, bytes) = made.context("the system has no random numbers for a key")?;
                self.write("key", &bytes).with_context(|| format!("{shown} cannot be written"))?;
                Ok(signer)
            }
            Err(error) => Err(error).with_context(|| format!("{shown} cannot be read")),
        }
    }

    /// When this run begins: now, and later than all before it, whatever the clock says.
    pub(crate) fn begin(&self) -> anyhow::Result<u64> {
        let last = self
            .read("began")
            .ok()
            .and_then(|bytes| String::from_utf8(bytes).ok()?.trim().parse::<u64>().ok());
        let began = unix_time().max(last.map_or(0, |last| last.saturating_add(1))).min(MAX_NUMBER);
        let written = self.write("began", format!("{began}\n").as_bytes());
        written.with_context(|| format!("{} cannot be written", self.folder.join("began").display()))?;
        Ok(began)
    }

    fn read(&self, name: &str) -> io::Result<Vec<u8>> {
        let mut bytes = Vec::new();
        // Longer than each of them is.
        File::open(self.folder.join(name))?.take(4096).read_to_end(&mut bytes)?;
        Ok(bytes)
    }

    fn write(&self, name: &str, bytes: &[u8]) -> io::Result<()> {
        common::replace(&self.folder.join(name), bytes)
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    #[test]
    fn a_node_keeps_its_key_and_each_run_is_later() {
        let folder = std::env::temp_dir().join(format!("peer-home-{}", std::process::id()));
        let name: Name = "ann".parse().unwrap();
        let home = Home::open(Some(&folder), &name).unwrap();
        let key = home.signer().unwrap().public_key();
        let began = home.begin().unwrap();
        assert!(Home::open(Some(&folder), &name).unwrap_err().to_string().contains("already"));
        home.write("began", (began + 1_000_000).to_string().as_bytes()).unwrap();
        drop(home);
        let home = Home::open(Some(&folder), &name).unwrap();
        assert_eq!(home.signer().unwrap().public_key(), key);
        assert_eq!(home.begin().unwrap(), began + 1_000_001, "also if the clock went back");
        home.write("key", b"x").unwrap();
        assert!(home.signer().is_err());
        drop(home);
        fs::set_permissions(&folder, PermissionsExt::from_mode(0o755)).unwrap();
        assert!(Home::open(Some(&folder), &name).unwrap_err().to_string().contains("chmod 700"));
        fs::remove_dir_all(folder).unwrap();
    }
}
