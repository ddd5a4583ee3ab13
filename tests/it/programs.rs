//! The programs under test: cargo builds them for this test target, and names them to it alone. And what tests do with them first.

use std::io;
use std::net::SocketAddr;
use std::process::{Command, Stdio};

use testbed::client::exchange;
use testbed::folder::Folder;
use testbed::process::Process;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

pub(crate) const ECHO: &str = env!("CARGO_BIN_EXE_echo-under-test");
pub(crate) const PASO: &str = env!("CARGO_BIN_EXE_paso-under-test");
pub(crate) const PROXY1: &str = env!("CARGO_BIN_EXE_proxy1-under-test");
pub(crate) const PROXY2: &str = env!("CARGO_BIN_EXE_proxy2-under-test");

/// A proxy2 and a proxy1 in front of it with a sealed link, and the state folder that both use.
pub(crate) fn sealed_processes(target: SocketAddr) -> (Process, Process, Folder) {
    let folder = Folder::new();
    let proxy2 = sealed_proxy2("0", target, &folder);
    let proxy1 = sealed_proxy1("0", proxy2.address(), &folder);
    (proxy2, proxy1, folder)
}

/// A proxy2 and a proxy1 in front of it with a classic link.
pub(crate) fn classic_processes(target: SocketAddr) -> (Process, Process) {
    let program = |program, to: SocketAddr| {
        let (host, port) = (to.ip().to_string(), to.port().to_string());
        Process::listening(program, &["--classic", "0", &host, &port])
    };
    let proxy2 = program(PROXY2, target);
    let proxy1 = program(PROXY1, proxy2.address());
    (proxy2, proxy1)
}

/// A proxy2 that keeps its state in `folder`.
pub(crate) fn sealed_proxy2(listen: &str, target: SocketAddr, folder: &Folder) -> Process {
    sealed_program(PROXY2, listen, target, folder, &[])
}

/// A proxy1 that finds its ticket in `folder`.
pub(crate) fn sealed_proxy1(listen: &str, proxy2: SocketAddr, folder: &Folder) -> Process {
    sealed_program(PROXY1, listen, proxy2, folder, &[])
}

/// Either, with options.
pub(crate) fn sealed_program(
    program: &str,
    listen: &str,
    to: SocketAddr,
    folder: &Folder,
    options: &[&str],
) -> Process {
    let (host, port, state) = (to.ip().to_string(), to.port().to_string(), folder.path("state"));
    Process::listening(program, &[&[listen, &host, &port, "--state", &state], options].concat())
}

/// A ticket of that name, made for the proxy2 that keeps its state in `folder`: the path of its file.
#[cfg(unix)]
pub(crate) fn ticket_file(folder: &Folder, name: &str) -> String {
    let file = folder.path(&format!("{name}.ticket"));
    let mut made =
        Process::spawn(PROXY2, &["ticket", "add", name, "--out", &file, "--state", &folder.path("state")]);
    assert!(made.wait().success(), "{}", made.output());
    file
}

/// An echo server, and its port.
pub(crate) fn echo_server() -> (Process, String) {
    let echo = Process::listening(ECHO, &["serve", "0"]);
    let port = echo.address().port().to_string();
    (echo, port)
}

/// A client of that proxy1, before an echo server, that has had an answer.
pub(crate) async fn greeted(proxy1: &Process) -> TcpStream {
    greeted_at(proxy1.address(), proxy1).await
}

/// The same at an address where clients of that proxy1 connect.
pub(crate) async fn greeted_at(address: SocketAddr, proxy1: &Process) -> TcpStream {
    let mut client = TcpStream::connect(address).await.unwrap();
    assert_eq!(exchange(&mut client, b"hola").await, b"hola", "{}", proxy1.output());
    client
}

/// The same where there may be none that answers.
///
/// # Errors
/// Nobody listens there, or the connection ends before the answer.
pub(crate) async fn try_greeted(address: SocketAddr) -> io::Result<TcpStream> {
    let mut client = TcpStream::connect(address).await?;
    client.write_all(b"hola").await?;
    client.read_exact(&mut [0; 4]).await?;
    Ok(client)
}

/// Where a tool is missing that a test needs, there is nothing to test; in CI there must be one. `probe` succeeds where it is there.
#[expect(clippy::print_stderr, reason = "a test that is skipped says so")]
pub(crate) fn is_missing(tool: &str, probe: &mut Command) -> bool {
    let run = probe.stdout(Stdio::null()).stderr(Stdio::null()).status();
    let missing = !run.is_ok_and(|status| status.success());
    assert!(!missing || std::env::var_os("CI").is_none(), "CI needs {tool}");
    if missing {
        eprintln!("skipped: there is no {tool}");
    }
    missing
}

/// As [`is_missing`] for Python.
pub(crate) fn python_is_missing() -> bool {
    is_missing("python3", Command::new("python3").arg("--version"))
}
