//! A file from one who is a client of the course: a status byte, perhaps the size as a text, and the bytes.
//!
//! Some clients of the course say the size and some do not, and none says which it is. What they send is read to its end: if
//! it begins with a number and a zero byte, and as many bytes follow, those are the file.

use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::task::spawn_blocking;
use tokio::time::timeout;

use crate::ending::end_in_order;
use crate::hash::MAX_SIZE;
use crate::multifile::holder::{Address, Connection};
use crate::wire::operation::Operation;
use crate::wire::outcome::Outcome;
use crate::wire::peer::PeerRequest;

/// How long the other may send nothing.
const SILENCE: Duration = Duration::from_secs(20);

/// A size as a text is no longer.
const MAX_SIZE_TEXT: usize = 20;

/// Whether the size is sent before a file.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, clap::ValueEnum)]
pub enum Sized {
    /// As a text that ends with a zero byte.
    #[default]
    Sent,
    /// The file ends where the connection does.
    Omitted,
}

/// Fetches it; `progress` is told how many bytes have come. What is there of an unfinished one is removed.
///
/// # Errors
/// The other is not there, or the disk does not take it.
pub(super) async fn fetch(
    from: &Address,
    path: &str,
    to: &Path,
    progress: impl Fn(u64),
) -> io::Result<Outcome> {
    let mut stream = from.connect().await?;
    stream.write_all(&PeerRequest::File { path: path.to_owned() }.to_bytes()).await?;
    let mut status = [0];
    in_time(stream.read_exact(&mut status)).await?;
    let outcome = Outcome::of_status(u8::from_ne_bytes(status), Operation::GetFile);
    if outcome != Outcome::Done {
        return Ok(outcome);
    }
    let mut partial = Partial::create(to)?;
    let expected = receive(&mut *stream, &mut partial.file, progress).await?;
    tokio::spawn(end_in_order(stream, SILENCE));
    spawn_blocking(move || partial.finish(expected)).await.map_err(io::Error::other)??;
    Ok(Outcome::Done)
}

/// What comes, until it ends, or as many have come as a size before it says.
async fn receive(
    stream: &mut dyn Connection,
    file: &mut File,
    progress: impl Fn(u64),
) -> io::Result<Option<Prefix>> {
    let mut buffer = vec![0; 64 << 10];
    let (mut begin, mut length) = (Vec::new(), 0);
    let mut prefix = None;
    loop {
        let read = in_time(stream.read(&mut buffer)).await?;
        let bytes = buffer.get(..read).unwrap_or_default();
        if begin.len() <= MAX_SIZE_TEXT {
            begin.extend(bytes.iter().take(MAX_SIZE_TEXT + 1));
            prefix = Prefix::of(&begin);
        }
        file.write_all(bytes)?;
        length += read as u64;
        progress(read as u64);
        if length > MAX_SIZE {
            return Err(io::Error::new(io::ErrorKind::FileTooLarge, "it sends more than 64 GiB"));
        }
        if read == 0 || prefix.is_some_and(|prefix| prefix.length + prefix.size == length) {
            return Ok(prefix);
        }
    }
}

/// A number and a zero byte.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Prefix {
    length: u64,
    size: u64,
}

impl Prefix {
    fn of(begin: &[u8]) -> Option<Self> {
        let end = begin.iter().position(|byte| *byte == 0)?;
        let digits =
            begin.get(..end).filter(|digits| !digits.is_empty() && digits.iter().all(u8::is_ascii_digit))?;
        let size = str::from_utf8(digits).ok()?.parse().ok().filter(|size| *size <= MAX_SIZE)?;
        Some(Self { length: end as u64 + 1, size })
    }
}

/// The file until it is whole; removed if it is dropped before.
struct Partial {
    file: File,
    path: PathBuf,
    to: PathBuf,
}

impl Partial {
    fn create(to: &Path) -> io::Result<Self> {
        let name = to.file_name().filter(|_| !to.is_dir()).ok_or_else(|| {
            io::Error::new(io::ErrorKind::InvalidInput, format!("{} names no file", to.display()))
        })?;
        let path = to.with_file_name(format!(".{}.{}.part", name.to_string_lossy(), std::process::id()));
        // Left behind by a process of the same number; a link in its place is removed, not followed.
        let _ = std::fs::remove_file(&path);
        let file = File::options().read(true).write(true).create_new(true).open(&path)?;
        Ok(Self { file, path, to: to.to_owned() })
    }

    /// Takes the size away from before the bytes, if it is one, and gives the file its name.
    fn finish(mut self, prefix: Option<Prefix>) -> io::Result<()> {
        let length = self.file.metadata()?.len();
        if let Some(prefix) = prefix {
            match (prefix.length + prefix.size).cmp(&length) {
                std::cmp::Ordering::Equal => move_to_front(&mut self.file, prefix.length)?,
                std::cmp::Ordering::Greater => {
                    let what = "it ended before all had come";
                    return Err(io::Error::new(io::ErrorKind::UnexpectedEof, what));
                }
                // A file that happens to begin so.
                std::cmp::Ordering::Less => {}
            }
        }
        self.file.sync_all()?;
        std::fs::rename(&self.path, &self.to)
    }
}

impl Drop for Partial {
    fn drop(&mut self) {
        // After it has its name there is none of this one.
        let _ = std::fs::remove_file(&self.path);
    }
}

/// Removes this many bytes before the others.
fn move_to_front(file: &mut File, by: u64) -> io::Result<()> {
    let (mut from, mut buffer) = (by, vec![0; 1 << 20]);
    loop {
        file.seek(SeekFrom::Start(from))?;
        let length = file.read(&mut buffer)?;
        if length == 0 {
            return file.set_len(from - by);
        }
        file.seek(SeekFrom::Start(from - by))?;
        file.write_all(buffer.get(..length).unwrap_or_default())?;
        from += length as u64;
    }
}

async fn in_time<T>(work: impl Future<Output = io::Result<T>>) -> io::Result<T> {
    timeout(SILENCE, work).await.unwrap_or_else(|_| Err(io::ErrorKind::TimedOut.into()))
}

#[cfg(test)]
mod tests {
    use tokio::net::TcpListener;

    use super::*;

    /// What is in the file after this was sent, or the error.
    async fn fetched(sent: Vec<u8>) -> Result<String, io::ErrorKind> {
        let folder = tempfile::tempdir().unwrap();
        let to = folder.path().join("poem");
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let from = Address::At(listener.local_addr().unwrap());
        let giving = tokio::spawn(async move {
            let (mut stream, _) = listener.accept().await.unwrap();
            let mut request = [0; 14];
            stream.read_exact(&mut request).await.unwrap();
            assert_eq!(&request, b"GET_FILE\0poem\0");
            stream.write_all(&sent).await.unwrap();
        });
        let outcome = fetch(&from, "poem", &to, |_| {}).await.map_err(|error| error.kind());
        giving.await.unwrap();
        let left = std::fs::read_dir(folder.path()).unwrap().count();
        assert_eq!(left, usize::from(outcome == Ok(Outcome::Done)), "nothing is left beside it");
        let outcome = outcome?;
        let is_done = outcome == Outcome::Done;
        Ok(if is_done { std::fs::read_to_string(&to).unwrap() } else { format!("{outcome:?}") })
    }

    #[tokio::test]
    async fn a_size_before_the_bytes_is_known_when_there_is_one() {
        assert_eq!(fetched(b"\x006\0a poem".to_vec()).await, Ok("a poem".into()));
        assert_eq!(fetched(b"\0a poem".to_vec()).await, Ok("a poem".into()));
        assert_eq!(fetched(b"\0".to_vec()).await, Ok(String::new()));
        assert_eq!(fetched(b"\x000\0".to_vec()).await, Ok(String::new()));
        assert_eq!(fetched(b"\x0012 months".to_vec()).await, Ok("12 months".into()));
        let long = "x".repeat(3 << 20);
        assert_eq!(fetched([b"\x003145728\0", long.as_bytes()].concat()).await, Ok(long));
        assert_eq!(fetched(b"\x006\0a po".to_vec()).await, Err(io::ErrorKind::UnexpectedEof));
        assert_eq!(fetched(b"\x01".to_vec()).await, Ok("NoFile".into()));
        assert_eq!(fetched(b"\x02".to_vec()).await, Ok("Failed".into()));
    }
}
