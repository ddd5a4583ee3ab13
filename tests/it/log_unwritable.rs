//! A log that cannot be written, or that nobody reads, changes nothing but itself: both programs serve on, and end when
//! they are told to.
#![cfg(unix)]

use std::fs::File;
use std::io::{BufRead, BufReader, ErrorKind, Write};
use std::net::SocketAddr;
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixStream;
use std::process::{ExitStatus, Stdio};
use std::time::Duration;

use testbed::client::exchange;
use testbed::folder::Folder;
use testbed::middlebox::{Middlebox, Way};
use testbed::process::Process;
use testbed::target::{Manner, Target};
use tokio::net::TcpStream;
use tokio::process::{Child, Command};
use tokio::time::timeout;

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

/// A program whose stderr is ours. Killed when it is dropped, as all of this file.
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
    async fn end(mut self) -> ExitStatus {
        assert!(self.child.try_wait().unwrap().is_none(), "it has ended by itself");
        end(&mut self.child).await
    }
}

fn command(program: &str, to: SocketAddr, folder: &Folder) -> Command {
    let mut command = Command::new(program);
    command.args(["0", &to.ip().to_string(), &to.port().to_string(), "--state", &folder.path("state")]);
    command.env_remove("RUST_LOG").env_remove("PASO_TICKET").env("NO_COLOR", "1");
    command.stdin(Stdio::null()).stdout(Stdio::null()).kill_on_drop(true);
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

async fn end(child: &mut Child) -> ExitStatus {
    let process = child.id().expect("nobody has waited for it").to_string();
    let kill = Command::new("kill").args(["-s", "INT", &process]).status().await;
    assert!(kill.unwrap().success());
    timeout(END, child.wait()).await.expect("SIGINT is heeded").unwrap()
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
        assert_eq!(victim.end().await.code(), Some(0), "{fate:?}");
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
        let words: Vec<_> = plain.as_std().get_args().map(std::ffi::OsStr::to_os_string).collect();
        let mut limited = Command::new("/bin/sh");
        // One block: the line that says where it listens fits.
        limited.args(["-c", r#"ulimit -f 1; exec "$0" "$@""#, program]).args(words);
        limited.env_remove("RUST_LOG").env_remove("PASO_TICKET").env("NO_COLOR", "1");
        limited.stdin(Stdio::null()).stdout(Stdio::null()).stderr(log).kill_on_drop(true);
        children.push(limited.spawn().unwrap());
        to = Process::listening("tail", &["-n", "+1", "-f", &path]).address();
    }
    for _ in 0..CONNECTIONS {
        let mut client = TcpStream::connect(to).await.unwrap();
        assert_eq!(exchange(&mut client, b"hola").await, b"hola");
    }
    for child in children.iter_mut().rev() {
        assert_eq!(end(child).await.code(), Some(0));
    }
}

/// All three are closed before the program begins.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_descriptor_is_open() {
    let target = Target::start(Manner::Echo).await;
    let folder = Folder::new();
    let free = std::net::UdpSocket::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let listen = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let start = |program: &str, listen: u16, to: SocketAddr| {
        let mut closed = Command::new("/bin/sh");
        closed.args(["-c", r#"exec "$0" "$@" <&- >&- 2>&-"#, program]);
        closed.args([&listen.to_string(), "127.0.0.1", &to.port().to_string()]);
        closed.args(["--state", &folder.path("state")]).env_remove("RUST_LOG").env_remove("PASO_TICKET");
        closed.kill_on_drop(true).spawn().unwrap()
    };
    let mut proxy2 = start(PROXY2, free.port(), target.address());
    let network = Middlebox::start(free, 1).unwrap();
    // It ends where it finds no ticket, which proxy2 makes at its first start. It sends when it listens.
    let mut proxy1 = loop {
        let mut proxy1 = start(PROXY1, listen.port(), network.address());
        tokio::select! {
            () = network.wait_for_datagrams(Way::Up, 1) => break proxy1,
            end = proxy1.wait() => assert_eq!(end.unwrap().code(), Some(1)),
        }
    };
    let mut client = TcpStream::connect(listen).await.unwrap();
    assert_eq!(exchange(&mut client, b"hola").await, b"hola");
    for child in [&mut proxy1, &mut proxy2] {
        assert_eq!(end(child).await.code(), Some(0));
    }
}

/// Help and usage have nobody to go to: that is no panic.
#[test]
fn usage_and_help_with_outputs_that_are_gone() {
    for program in [PROXY1, PROXY2] {
        for word in ["--help", "--frobnicate", "--version"] {
            let script = r#"exec "$0" "$@" >&- 2>&-"#;
            let code = std::process::Command::new("/bin/sh")
                .args(["-c", script, program, word])
                .status()
                .unwrap()
                .code();
            assert_eq!(code, Some(if word == "--frobnicate" { 2 } else { 0 }), "{program} {word}");
            let (reader, writer) = UnixStream::pair().unwrap();
            drop(reader);
            let twin = writer.try_clone().unwrap();
            let mut command = std::process::Command::new(program);
            command.arg(word).stdout(OwnedFd::from(writer)).stderr(OwnedFd::from(twin));
            assert_ne!(command.status().unwrap().code(), Some(101), "a panic: {program} {word}");
        }
    }
}
