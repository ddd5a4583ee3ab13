//! Fetches a file of another node.

use std::fs::{self, File, OpenOptions};
use std::io::Write;
use std::path::{Path, PathBuf};

use anyhow::{Context, bail, ensure};
use paso::visible;

use super::connection::{Connection, Which};
use super::{other_answer, screen};
use crate::node::words::{Reply, Request};
use crate::overlay::Name;

/// Fetches it to a file beside its place first: what is there is whole.
pub(super) async fn get(
    which: &Which,
    of: Name,
    path: &str,
    to: Option<PathBuf>,
    force: bool,
) -> anyhow::Result<u8> {
    if to.as_deref() == Some(Path::new("-")) {
        let mut screen = screen::FileScreen::default();
        let received = receive(which, of, path, &mut screen).await;
        // As `peer hear | head` ends.
        return if screen.has_enough { Ok(0) } else { received.map(|_| 0) };
    }
    let to = match to {
        Some(to) => to,
        None => {
            PathBuf::from(Path::new(path).file_name().context("the path has no last part: say --to FILE")?)
        }
    };
    let shown = to.display().to_string();
    ensure!(
        force || to.symlink_metadata().is_err(),
        "{} is there: say --force, or another place with --to",
        visible(&shown)
    );
    let part = Part::beside(&to)?;
    let size = receive(which, of, path, &mut &part.file).await?;
    part.become_whole(&to, force)?;
    screen::line(&format!("{size} bytes in {}", visible(&shown)))?;
    Ok(0)
}

async fn receive(which: &Which, of: Name, path: &str, to: &mut impl Write) -> anyhow::Result<u64> {
    let mut node = Connection::ask(which, &Request::Get { of, path: path.into() }, b"").await?;
    let (Reply::File { size, .. }, _) = node.next().await? else { return other_answer() };
    let mut got = 0;
    loop {
        match node.next().await? {
            (Reply::Bytes, bytes) => {
                got += u64::try_from(bytes.len())?;
                ensure!(got <= size, "it sends more than the {size} bytes that it has announced");
                to.write_all(&bytes).context("cannot write")?;
            }
            (Reply::Done, _) if got == size => {
                to.flush().context("cannot write")?;
                return Ok(size);
            }
            (Reply::Done, _) => bail!("only {got} of {size} bytes came"),
            _ => return other_answer(),
        }
    }
}

/// A file that is not whole yet; it goes if it never is.
struct Part {
    file: File,
    path: PathBuf,
}

impl Part {
    fn beside(to: &Path) -> anyhow::Result<Self> {
        let mut name = to.file_name().context("that is no place for a file")?.to_owned();
        name.push(format!(".{}.part", std::process::id()));
        let path = to.with_file_name(name);
        let file = OpenOptions::new().write(true).create_new(true).open(&path);
        let file =
            file.with_context(|| format!("{} cannot be made", visible(&path.display().to_string())))?;
        Ok(Self { file, path })
    }

    fn become_whole(self, to: &Path, force: bool) -> anyhow::Result<()> {
        let placed = if force { fs::rename(&self.path, to) } else { fs::hard_link(&self.path, to) };
        placed.with_context(|| format!("{} cannot be made", visible(&to.display().to_string())))
    }
}

impl Drop for Part {
    fn drop(&mut self) {
        // It may have its place by now.
        let _ = fs::remove_file(&self.path);
    }
}
