//! The sockets of a service manager, as systemd passes them: `sd_listen_fds(3)`. The home of `listenfd`.

use std::io;

use listenfd::ListenFd;
use tunnel::passed::{Passed, PassedSocket, give};

/// Takes those that were passed to this process. To be called before there are threads: the variables are removed, so that no child
/// takes them for its own.
///
/// # Errors
/// One is of a kind that no program of ours can use.
pub(super) fn take() -> Result<(), String> {
    let mut passed = ListenFd::from_env();
    let all: Result<Vec<_>, _> = (0..passed.len()).map(|at| one(&mut passed, at)).collect();
    give(all?);
    Ok(())
}

fn one(passed: &mut ListenFd, at: usize) -> Result<Passed, String> {
    let wrong = |why: &dyn std::fmt::Display| {
        format!("socket {} of those that the service manager passed cannot be used: {why}", at + 1)
    };
    let unused = || io::Error::other("it is neither a UDP socket nor a TCP listener");
    let socket = match passed.take_udp_socket(at) {
        Ok(udp) => udp.map(PassedSocket::Udp),
        Err(_) => match passed.take_tcp_listener(at) {
            Ok(tcp) => tcp.map(PassedSocket::Tcp),
            Err(_) => None,
        },
    };
    socket.ok_or_else(unused).and_then(Passed::new).map_err(|error| wrong(&error))
}
