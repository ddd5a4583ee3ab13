//! Who asks running proxies.

use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context, anyhow, bail};
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::UnixStream;
use tokio::task::JoinSet;
use tokio::time::timeout;

use super::place::{self, Folder};
use super::protocol::{Answer, Command, Outcome, Request};
use super::{Told, Whose};

/// How long all proxies together may take to answer, from the first word to the last: one with many links that are stuck takes two
/// seconds.
const PATIENCE: Duration = Duration::from_secs(10);
/// The same for a proxy that starts another process, and answers when that has taken over or could not: a minute, and a little.
const PATIENCE_OF_RESTARTS: Duration = Duration::from_secs(75);
/// The longest answer that is read, in bytes: 16,384 links with every counter there is and long names, and 8,192 streams, are 89 MB.
const LONGEST: usize = 96 << 20;
/// Bytes of that for each object in it. `{}` takes some hundred times its length in memory, so objects are counted before: the longest
/// answer may have 393,216, and the one above has 163,840.
const BYTES_FOR_EACH_OBJECT: usize = 256;

/// A socket at which a proxy answers.
#[derive(Clone, Debug)]
pub(crate) struct Socket {
    path: PathBuf,
    /// Who has to answer there; `None`: somebody has named this place, and whoever is there is meant.
    owner: Option<u32>,
    /// The longest answer that is read, in bytes.
    longest: usize,
}

/// The sockets at which proxies answer this user; with `at` only that one, or those in that folder.
pub(crate) fn sockets(at: Option<&Path>, whose: Whose) -> Vec<Socket> {
    let named = |path| Socket { path, owner: None, longest: LONGEST };
    match at {
        Some(path) if path.is_dir() => place::sockets_at(path).into_iter().map(named).collect(),
        Some(socket) => vec![named(socket.to_owned())],
        None => place::folders_of(whose).iter().flat_map(sockets_in).collect(),
    }
}

fn sockets_in(folder: &Folder) -> Vec<Socket> {
    let paths = folder.sockets();
    // Another user has as much of our memory as one proxy needs.
    let share = if folder.is_own() { 1 } else { paths.len().max(1) };
    let socket = |path| Socket { path, owner: Some(folder.owner), longest: LONGEST / share };
    paths.into_iter().map(socket).collect()
}

/// Asks the proxies at these sockets, all at the same time; what each says, in their order.
///
/// # Errors
/// The system has no descriptors. Of a proxy: it cannot be asked, or says no.
///
/// # Panics
/// Inside a runtime.
pub(crate) fn ask(sockets: &[Socket], command: Command) -> anyhow::Result<Vec<anyhow::Result<Told>>> {
    let patience = if command == Command::Restart { PATIENCE_OF_RESTARTS } else { PATIENCE };
    let mut request = serde_json::to_vec(&Request::from(command))?;
    request.push(b'\n');
    let runtime =
        tokio::runtime::Builder::new_current_thread().enable_all().build().context("cannot start")?;
    Ok(runtime.block_on(ask_all(sockets, &request, patience)))
}

async fn ask_all(sockets: &[Socket], request: &[u8], patience: Duration) -> Vec<anyhow::Result<Told>> {
    let mut asking = JoinSet::new();
    for (number, socket) in sockets.iter().cloned().enumerate() {
        let request = request.to_owned();
        asking.spawn(async move {
            let told = timeout(patience, exchange(&socket, &request)).await;
            let told =
                told.unwrap_or_else(|_| Err(anyhow!("it has not answered within {} s", patience.as_secs())));
            (number, told.with_context(|| format!("{}", socket.path.display())))
        });
    }
    let mut all = asking.join_all().await;
    all.sort_by_key(|(number, _)| *number);
    all.into_iter().map(|(_, told)| told).collect()
}

async fn exchange(socket: &Socket, request: &[u8]) -> anyhow::Result<Told> {
    const BUSY: &str = "it serves as many others as it can, or ends: try again";
    let stream = match place::connect(&socket.path) {
        Err(error) if error.kind() == ErrorKind::WouldBlock => bail!(BUSY),
        stream => UnixStream::from_std(stream?)?,
    };
    let peer = stream.peer_cred()?;
    if socket.owner.is_some_and(|owner| owner != peer.uid()) {
        bail!("who answers there is not the user that the folder belongs to");
    }
    let mut stream = BufReader::new(stream);
    stream.get_mut().write_all(request).await?;
    let mut answer = Vec::new();
    let most = u64::try_from(socket.longest).unwrap_or(u64::MAX);
    stream.take(most).read_until(b'\n', &mut answer).await?;
    if answer.is_empty() {
        bail!(BUSY);
    }
    let pid = peer.pid().and_then(|pid| u32::try_from(pid).ok()).filter(|pid| *pid > 0);
    Ok((read(&answer, socket.longest)?, pid))
}

/// What the line says.
fn read(line: &[u8], longest: usize) -> anyhow::Result<Outcome> {
    let objects = line.iter().filter(|byte| **byte == b'{').count();
    if line.len() >= longest || objects > longest / BYTES_FOR_EACH_OBJECT {
        bail!("its answer is longer than that of any proxy");
    }
    let answer: Answer = serde_json::from_slice(line).context("not understood")?;
    match answer.outcome {
        Outcome::Error(why) => bail!(why),
        outcome @ (Outcome::Status(_) | Outcome::Done(_) | Outcome::Version(_) | Outcome::Offer(_)) => {
            Ok(outcome)
        }
    }
}

#[cfg(test)]
mod tests {
    use std::io::{Read, Write};
    use std::os::unix::net::UnixListener;
    use std::thread;

    use tunnel::metrics::{Counters, DESCRIPTORS};
    use tunnel::view::{CounterValues, LinkState, LinkView, PathView, RoundTrip, SessionView, StreamView};

    use super::*;

    const REQUEST: &[u8] = b"{\"v\":1,\"cmd\":\"version\"}\n";

    /// A socket in a folder of its own, which goes with the value.
    struct Place(PathBuf);

    impl Place {
        fn new(name: &str) -> (Self, UnixListener) {
            let folder = std::env::temp_dir().join(format!("paso-ask-{name}-{}", std::process::id()));
            std::fs::create_dir(&folder).unwrap();
            let listener = UnixListener::bind(folder.join("x.sock")).unwrap();
            (Self(folder), listener)
        }

        fn socket(&self, owner: Option<u32>) -> Socket {
            Socket { path: self.0.join("x.sock"), owner, longest: LONGEST }
        }
    }

    impl Drop for Place {
        fn drop(&mut self) {
            let _ = std::fs::remove_dir_all(&self.0);
        }
    }

    fn own() -> u32 {
        rustix::process::geteuid().as_raw()
    }

    async fn ask_one(socket: Socket) -> Result<Told, String> {
        let [told] = <[_; 1]>::try_from(ask_all(&[socket], REQUEST, PATIENCE).await).unwrap();
        told.map_err(|error| format!("{error:#}"))
    }

    #[tokio::test]
    async fn the_system_says_which_process_answers() {
        let (place, listener) = Place::new("pid");
        let server = thread::spawn(move || {
            let (mut stream, _) = listener.accept().unwrap();
            stream.read_exact(&mut [0; REQUEST.len()]).unwrap();
            stream.write_all(b"{\"v\":1,\"version\":\"7\"}\n").unwrap();
        });
        let told = ask_one(place.socket(Some(own()))).await.unwrap();
        assert_eq!(told, (Outcome::Version("7".into()), Some(std::process::id())));
        server.join().unwrap();
    }

    #[tokio::test]
    async fn another_user_than_the_owner_of_the_folder_is_told_nothing() {
        let (place, listener) = Place::new("owner");
        let why = ask_one(place.socket(Some(own() + 1))).await.unwrap_err();
        assert!(why.contains("x.sock: who answers there is not the user"), "{why}");
        let (mut stream, _) = listener.accept().unwrap();
        let mut heard = Vec::new();
        stream.read_to_end(&mut heard).unwrap();
        assert_eq!(heard, b"");
    }

    /// The clock jumps as soon as there is nothing else to do.
    #[tokio::test(start_paused = true)]
    async fn who_answers_without_an_end_is_left() {
        let (place, listener) = Place::new("endless");
        let server = thread::spawn(move || {
            let (mut stream, _) = listener.accept().unwrap();
            while stream.write_all(b" ").is_ok() {}
        });
        let why = ask_one(place.socket(None)).await.unwrap_err();
        assert!(why.contains("not answered within 10 s") || why.contains("longer than that"), "{why}");
        server.join().unwrap();
    }

    #[tokio::test]
    #[cfg(target_os = "linux")]
    async fn who_takes_nobody_keeps_nobody_waiting() {
        let (place, listener) = Place::new("full");
        rustix::net::listen(&listener, 0).unwrap();
        let mut waiting = Vec::new();
        while let Ok(stream) = place::connect(&place.socket(None).path) {
            waiting.push(stream);
        }
        let why = ask_one(place.socket(None)).await.unwrap_err();
        assert!(why.contains("as many others as it can"), "{why}");
    }

    #[test]
    fn the_largest_answer_of_a_proxy_is_read() {
        let mut counters = CounterValues::default();
        DESCRIPTORS.iter().for_each(|row| counters.set(row.name, 1 << 40));
        assert!(CounterValues::from(&Counters::default()).iter().next().is_none(), "zeros are left out");
        let path = PathView { round_trip_us: Some(RoundTrip::default()), ..PathView::default() };
        let link = LinkView {
            name: Some("n".repeat(64)),
            ticket: Some("t".repeat(64)),
            peer: "[2001:db8:1111:2222:3333:4444:5555:6666]:50000".parse().ok(),
            state: LinkState::Refused { why: "w".repeat(200) },
            path: Some(path),
            counters,
            ..LinkView::default()
        };
        // Of 8,192 targets few are as long as a name can be.
        let stream = StreamView { client: "c".repeat(56), target: "t".repeat(100), ..StreamView::default() };
        let view = SessionView { links: vec![link; 64], ..SessionView::default() };
        let links = serde_json::to_vec(&Answer::from(Outcome::Status(Box::new(view)))).unwrap();
        let objects = links.iter().filter(|byte| **byte == b'{').count();
        let streams = serde_json::to_vec(&stream).unwrap().len() * 8_192;
        let bytes = links.len() * 16_384 / 64 + streams;
        assert!(bytes < LONGEST, "{bytes}");
        assert!((objects * 16_384 / 64 + 2 * 8_192) * BYTES_FOR_EACH_OBJECT < LONGEST, "{objects}");
        assert!(read(&links, LONGEST).is_ok());
    }

    #[test]
    fn an_answer_that_would_take_much_memory_is_not_read() {
        let empty = vec!["{}"; 100_000].join(",");
        let text = format!("{{\"v\":1,\"status\":{{\"links\":[{empty}]}}}}\n");
        assert!(read(text.as_bytes(), LONGEST).is_ok());
        let why = read(text.as_bytes(), LONGEST / 8).unwrap_err().to_string();
        assert_eq!(why, "its answer is longer than that of any proxy");
        assert!(read(text.as_bytes(), text.len()).is_err());
    }
}
