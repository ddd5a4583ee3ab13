//! Sockets on their way to another process. The home of SCM_RIGHTS.

use std::io::{self, IoSlice, IoSliceMut};
use std::mem::MaybeUninit;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

use rustix::net::{
    RecvAncillaryBuffer, RecvAncillaryMessage, RecvFlags, SendAncillaryBuffer, SendAncillaryMessage,
    SendFlags, recvmsg, sendmsg, sockopt,
};
use tokio::io::Interest;
use tokio::net::UnixStream;

use crate::passed::{Passed, PassedSocket};

/// Descriptors in one message: Linux takes 253.
const AT_ONCE: usize = 64;

/// The most that are taken: those of a proxy2 are its UDP ports and its own listeners.
const MOST: usize = 1_024;

/// What each message says beside its descriptors, as it has to say something.
const MARK: u8 = b'F';

/// Gives the other process these sockets.
///
/// # Errors
/// Those of `sendmsg`: the other is gone.
pub async fn give(stream: &UnixStream, sockets: &[PassedSocket]) -> io::Result<()> {
    let all: Vec<BorrowedFd<'_>> = sockets
        .iter()
        .map(|socket| match socket {
            PassedSocket::Udp(udp) => udp.as_fd(),
            PassedSocket::Tcp(tcp) => tcp.as_fd(),
        })
        .collect();
    for some in all.chunks(AT_ONCE) {
        stream
            .async_io(Interest::WRITABLE, || {
                let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(AT_ONCE))];
                let mut control = SendAncillaryBuffer::new(&mut space);
                if !control.push(SendAncillaryMessage::ScmRights(some)) {
                    return Err(io::ErrorKind::InvalidInput.into());
                }
                let sent = sendmsg(stream, &[IoSlice::new(&[MARK])], &mut control, SendFlags::empty());
                Ok(sent.map(drop)?)
            })
            .await?;
    }
    Ok(())
}

/// Takes so many sockets from the other process.
///
/// # Errors
/// Those of `recvmsg`; the other is gone, or sends something else.
pub async fn take(stream: &UnixStream, count: usize) -> io::Result<Vec<Passed>> {
    let other = || io::Error::new(io::ErrorKind::InvalidData, "it sends no sockets");
    if count > MOST {
        return Err(other());
    }
    let mut taken: Vec<OwnedFd> = Vec::new();
    while taken.len() < count {
        let (mut byte, before) = ([0], taken.len());
        let read = stream.async_io(Interest::READABLE, || receive(stream, &mut byte, &mut taken)).await?;
        if read == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        if byte != [MARK] || taken.len() == before || taken.len() > count {
            return Err(other());
        }
    }
    taken.into_iter().map(passed).collect()
}

fn receive(stream: &UnixStream, byte: &mut [u8], into: &mut Vec<OwnedFd>) -> io::Result<usize> {
    let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(AT_ONCE))];
    let mut control = RecvAncillaryBuffer::new(&mut space);
    // Not for the programs that this process may start.
    let flags = if cfg!(any(target_os = "linux", target_os = "android")) {
        RecvFlags::CMSG_CLOEXEC
    } else {
        RecvFlags::empty()
    };
    let received = recvmsg(stream, &mut [IoSliceMut::new(byte)], &mut control, flags)?;
    for message in control.drain() {
        if let RecvAncillaryMessage::ScmRights(descriptors) = message {
            into.extend(descriptors);
        }
    }
    Ok(received.bytes)
}

fn passed(descriptor: OwnedFd) -> io::Result<Passed> {
    use rustix::net::SocketType;
    let kind = sockopt::socket_type(&descriptor)?;
    Passed::new(match kind {
        SocketType::DGRAM => PassedSocket::Udp(descriptor.into()),
        SocketType::STREAM => PassedSocket::Tcp(descriptor.into()),
        _ => return Err(io::Error::new(io::ErrorKind::InvalidData, "it sends a socket of another kind")),
    })
}

#[cfg(test)]
mod tests {
    use std::net::{TcpListener, UdpSocket};

    use tokio::io::AsyncWriteExt;

    use super::*;

    #[tokio::test]
    async fn sockets_arrive_as_what_they_are() {
        let (here, there) = UnixStream::pair().unwrap();
        let udp: Vec<_> = (0..AT_ONCE + 3).map(|_| UdpSocket::bind("127.0.0.1:0").unwrap()).collect();
        let tcp = TcpListener::bind("127.0.0.1:0").unwrap();
        let places: Vec<_> = udp.iter().map(|udp| format!("UDP {}", udp.local_addr().unwrap())).collect();
        let place = format!("TCP {}", tcp.local_addr().unwrap());
        let all = udp.into_iter().map(PassedSocket::Udp).chain([PassedSocket::Tcp(tcp)]);
        let all: Vec<_> = all.collect();
        let count = all.len();
        let (given, taken) = tokio::join!(give(&here, &all), take(&there, count));
        given.unwrap();
        let taken: Vec<_> = taken.unwrap().iter().map(Passed::to_string).collect();
        assert_eq!(taken, places.into_iter().chain([place]).collect::<Vec<_>>());
    }

    #[tokio::test]
    async fn what_sends_no_sockets_is_an_error_and_does_not_hang() {
        for bytes in [&b""[..], b"F", b"{}"] {
            let (mut here, there) = UnixStream::pair().unwrap();
            here.write_all(bytes).await.unwrap();
            drop(here);
            take(&there, 1).await.unwrap_err();
        }
        let (_here, there) = UnixStream::pair().unwrap();
        take(&there, MOST + 1).await.unwrap_err();
    }
}
