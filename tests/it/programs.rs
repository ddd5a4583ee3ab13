//! The programs under test: cargo builds them for this test target, and names them to it alone.

use std::net::SocketAddr;

use testbed::folder::Folder;
use testbed::process::Process;

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
