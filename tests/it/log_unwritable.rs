//! A log that cannot be written, or that nobody reads, changes nothing but itself: both programs serve on, and end when
//! they are told to.
#![cfg(unix)]

use std::fs::File;
use std::io::{BufRead, BufReader, ErrorKind, Write};
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixStream;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

use tests::client::exchange;
use tests::folder::Folder;
use tests::target::{Manner, Target};
use tokio::net::TcpStream;

use crate::programs::{PROXY1, PROXY2};

/// Connections that are made while the log is of no use: each is several lines on both sides.
const CONNECTIONS: usize = 100;
/// What an end that was asked for may take: the last lines are waited for, but not for long.
const END: Duration = Duration::from_secs(5);

/// What happens to the log once the program listens.
#[derive(Clone, Copy, Debug)]
enum Fate {
    /// Whoever read it is gone.
    ReaderGone,
    /// It is full, and nobody reads it.
    Full,
}

/// A program whose stderr is ours.
struct Victim {
    child: Child,
    address: SocketAddr,
    /// Nothing is read from it any more. `None`: closed.
    _log: Option<BufReader<UnixStream>>,
}

impl Victim {
    fn start(program: &str, to: SocketAddr, folder: &Folder, fate: Fate) -> Self {
        let (log, stderr) = UnixStream::pair().unwrap();
        let mut filling = stderr.try_clone().unwrap();
        let child = command(program, to, folder).stderr(OwnedFd::from(stderr)).spawn().unwrap();
        let mut log = BufReader::new(log);
        let address = listening(&mut log);
        let log = match fate {
            Fate::ReaderGone => None,
            Fate::Full => {
                fill(&mut filling);
                Some(log)
            }
        };
        Self { child, address, _log: log }
    }

    /// Asks it to end; how it did.
    fn end(mut self) -> ExitStatus {
        assert!(self.child.try_wait().unwrap().is_none(), "it has ended by itself");
        end(&mut self.child)
    }
}

impl Drop for Victim {
    fn drop(&mut self) {
        _ = self.child.kill();
        _ = self.child.wait();
    }
}

fn command(program: &str, to: SocketAddr, folder: &Folder) -> Command {
    let mut command = Command::new(program);
    command.args(["0", &to.ip().to_string(), &to.port().to_string(), "--state", &folder.path("state")]);
    command.env_remove("RUST_LOG").env_remove("PASO_TICKET").env("NO_COLOR", "1");
    command.stdin(Stdio::null()).stdout(Stdio::null());
    command
}

/// The address in the line that tells it.
fn listening(log: &mut impl BufRead) -> SocketAddr {
    loop {
        let mut line = String::new();
        assert!(log.read_line(&mut line).unwrap() > 0, "it ends without saying where it listens");
        if line.contains("listening") {
            return line.trim_end().split([' ', '=']).find_map(|word| word.parse().ok()).unwrap();
        }
    }
}

/// Writes until nothing more fits.
fn fill(stream: &mut UnixStream) {
    stream.set_nonblocking(true).unwrap();
    let end = loop {
        if let Err(error) = stream.write(b"full\n") {
            break error;
        }
    };
    assert_eq!(end.kind(), ErrorKind::WouldBlock);
    // The program's is the same open file.
    stream.set_nonblocking(false).unwrap();
}

fn end(child: &mut Child) -> ExitStatus {
    let kill = Command::new("kill").args(["-s", "INT", &child.id().to_string()]).status();
    assert!(kill.unwrap().success());
    let start = Instant::now();
    while start.elapsed() < END {
        if let Some(status) = child.try_wait().unwrap() {
            return status;
        }
        sleep(Duration::from_millis(5));
    }
    panic!("SIGINT is ignored");
}

async fn both_serve_on(fate: Fate) {
    let target = Target::start(Manner::Echo).await;
    let folder = Folder::new();
    let start = |program, to| tokio::task::block_in_place(|| Victim::start(program, to, &folder, fate));
    let proxy2 = start(PROXY2, target.address());
    let proxy1 = start(PROXY1, proxy2.address);
    let mut first = TcpStream::connect(proxy1.address).await.unwrap();
    for _ in 0..CONNECTIONS {
        let mut client = TcpStream::connect(proxy1.address).await.unwrap();
        assert_eq!(exchange(&mut client, b"hola").await, b"hola", "{fate:?}");
    }
    assert_eq!(exchange(&mut first, b"still here").await, b"still here", "{fate:?}");
    for victim in [proxy1, proxy2] {
        let status = tokio::task::block_in_place(|| victim.end());
        assert_eq!(status.code(), Some(0), "{fate:?}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn its_reader_is_gone() {
    both_serve_on(Fate::ReaderGone).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn it_is_full_and_not_read() {
    both_serve_on(Fate::Full).await;
}

/// The log is a file that may not grow any more, as on a full disk; then there is room again.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn its_disk_is_full() {
    let target = Target::start(Manner::Echo).await;
    let folder = Folder::new();
    // The state is made first: its files must find room.
    tunnel::state::StateDir::locate(Some(folder.path("state").into())).unwrap().server().unwrap();
    let mut children = Vec::new();
    let mut to = target.address();
    for (program, name) in [(PROXY2, "log2"), (PROXY1, "log1")] {
        let path = folder.path(name);
        let log = File::create(&path).unwrap();
        let plain = command(program, to, &folder);
        let words: Vec<_> = plain.get_args().map(std::ffi::OsStr::to_os_string).collect();
        let mut limited = Command::new("/bin/sh");
        // One block: the line that says where it listens fits.
        limited.args(["-c", r#"ulimit -f 1; exec "$0" "$@""#, program]).args(words);
        limited.env_remove("RUST_LOG").env_remove("PASO_TICKET").env("NO_COLOR", "1");
        limited.stdin(Stdio::null()).stdout(Stdio::null()).stderr(log);
        children.push(limited.spawn().unwrap());
        let mut written = std::fs::read_to_string(&path).unwrap();
        let deadline = Instant::now() + Duration::from_secs(10);
        while !written.contains("listening") || !written.ends_with('\n') {
            assert!(Instant::now() < deadline, "{written}");
            tokio::time::sleep(Duration::from_millis(5)).await;
            written = std::fs::read_to_string(&path).unwrap();
        }
        to = listening(&mut written.as_bytes());
    }
    for _ in 0..CONNECTIONS {
        let mut client = TcpStream::connect(to).await.unwrap();
        assert_eq!(exchange(&mut client, b"hola").await, b"hola");
    }
    for child in children.iter_mut().rev() {
        assert_eq!(tokio::task::block_in_place(|| end(child)).code(), Some(0));
    }
}

/// All three are closed before the program begins.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_descriptor_is_open() {
    let target = Target::start(Manner::Echo).await;
    let folder = Folder::new();
    let free = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let start = |program: &str, listen: u16, to: SocketAddr| {
        let mut closed = Command::new("/bin/sh");
        closed.args(["-c", r#"exec "$0" "$@" <&- >&- 2>&-"#, program]);
        closed.args([&listen.to_string(), "127.0.0.1", &to.port().to_string()]);
        closed.args(["--state", &folder.path("state")]).env_remove("RUST_LOG").env_remove("PASO_TICKET");
        closed.spawn().unwrap()
    };
    let local = |port| SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), port);
    let mut proxy2 = start(PROXY2, free.port(), target.address());
    // The last of what a first start makes: before it is there proxy1 finds no ticket, and ends.
    let key = folder.path("state/server.key");
    while !std::path::Path::new(&key).exists() {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    let mut proxy1 = start(PROXY1, free.port(), local(free.port()));
    let mut client = loop {
        match TcpStream::connect(free).await {
            Ok(client) => break client,
            Err(_) => tokio::time::sleep(Duration::from_millis(5)).await,
        }
        assert!(proxy1.try_wait().unwrap().is_none(), "proxy1 has ended by itself");
    };
    assert_eq!(exchange(&mut client, b"hola").await, b"hola");
    for child in [&mut proxy1, &mut proxy2] {
        assert_eq!(tokio::task::block_in_place(|| end(child)).code(), Some(0));
    }
}

/// Help and usage have nobody to go to: that is no panic.
#[test]
fn usage_and_help_with_outputs_that_are_gone() {
    for program in [PROXY1, PROXY2] {
        for word in ["--help", "--frobnicate", "--version"] {
            let script = r#"exec "$0" "$@" >&- 2>&-"#;
            let code = Command::new("/bin/sh").args(["-c", script, program, word]).status().unwrap().code();
            assert_eq!(code, Some(if word == "--frobnicate" { 2 } else { 0 }), "{program} {word}");
            let (reader, writer) = UnixStream::pair().unwrap();
            drop(reader);
            let twin = writer.try_clone().unwrap();
            let mut command = Command::new(program);
            command.arg(word).stdout(OwnedFd::from(writer)).stderr(OwnedFd::from(twin));
            assert_ne!(command.status().unwrap().code(), Some(101), "a panic: {program} {word}");
        }
    }
}
