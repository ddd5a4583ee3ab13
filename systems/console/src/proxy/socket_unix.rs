//! The way to a proxy2's control socket.

use std::path::{Path, PathBuf};
use std::time::Duration;

use paso::visible;
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::UnixStream;
use tokio::time::timeout;

/// How long an answer may take: proxy2 itself gives up on its links after two seconds.
const PATIENCE: Duration = Duration::from_secs(10);
/// The longest answer that is read, in bytes: some thousand links and streams.
const LONGEST: u64 = 8 << 20;
/// More files of a folder are not looked at.
const MOST_FILES: usize = 1_000;

/// Sends the line, and gives the one that answers.
///
/// # Errors
/// Nobody answers there, in a sentence.
pub(super) async fn exchange(at: &Path, request: &[u8]) -> Result<Vec<u8>, String> {
    let told = timeout(PATIENCE, async {
        let stream = connect(at).await?;
        ask(stream, request).await.map_err(|error| at_place(at, &error.to_string()))
    });
    let told = told
        .await
        .unwrap_or_else(|_| Err(format!("proxy2 has not answered within {} s", PATIENCE.as_secs())));
    let is_whole = |line: &Vec<u8>| line.len() as u64 != LONGEST;
    told.and_then(|line| {
        is_whole(&line).then_some(line).ok_or_else(|| "proxy2 has too many links for an answer here".into())
    })
}

async fn ask(mut stream: UnixStream, request: &[u8]) -> std::io::Result<Vec<u8>> {
    stream.write_all(request).await?;
    let mut line = Vec::new();
    BufReader::new(stream).take(LONGEST).read_until(b'\n', &mut line).await?;
    Ok(line)
}

/// The socket at this path, or that of the only proxy2 in this folder at which somebody answers.
async fn connect(at: &Path) -> Result<UnixStream, String> {
    if !at.is_dir() {
        return UnixStream::connect(at).await.map_err(|error| at_place(at, &error.to_string()));
    }
    let mut found = Vec::new();
    for path in sockets(at).map_err(|error| at_place(at, &error.to_string()))? {
        // Of a proxy2 that was killed the socket is left.
        if let Ok(stream) = UnixStream::connect(&path).await {
            found.push((path, stream));
        }
    }
    let names: Vec<_> = found.iter().filter_map(|(path, _)| path.file_name()?.to_str()).collect();
    match found.len() {
        1 => Ok(found.remove(0).1),
        0 => Err(at_place(at, "no proxy2 answers there")),
        _ => Err(at_place(at, &format!("several answer there, name one: {}", names.join(", ")))),
    }
}

fn sockets(folder: &Path) -> std::io::Result<Vec<PathBuf>> {
    let is_socket = |path: &PathBuf| {
        let name = path.file_name().and_then(|name| name.to_str());
        name.is_some_and(|name| name.starts_with("proxy2-") && name.ends_with(".sock"))
    };
    let entries = std::fs::read_dir(folder)?.flatten().take(MOST_FILES);
    let mut sockets: Vec<_> = entries.map(|entry| entry.path()).filter(is_socket).collect();
    sockets.sort();
    Ok(sockets)
}

fn at_place(at: &Path, what: &str) -> String {
    format!("the proxy2 at {}: {what}", visible(&at.display().to_string()))
}
