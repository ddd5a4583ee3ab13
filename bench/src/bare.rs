//! The least that a tunnel can be: bytes of one TCP connection into datagrams and back, nothing sealed, counted or sent
//! again. Its echo is the floor of this machine: what four programs cost that wake each other in turn.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream, UdpSocket};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;

use anyhow::Result;

use crate::cli::End;

/// What fits into a datagram on the loopback interface.
const MOST: usize = 65_000;

/// Runs one end, for one connection at a time, until it is killed.
pub(crate) fn run(end: End, from: SocketAddr, to: SocketAddr) -> Result<()> {
    match end {
        End::Near => near(from, to),
        End::Far => far(from, to),
    }
}

fn near(from: SocketAddr, to: SocketAddr) -> Result<()> {
    let (clients, udp) = (TcpListener::bind(from)?, Arc::new(UdpSocket::bind("127.0.0.1:0")?));
    udp.connect(to)?;
    let client: Arc<Mutex<Option<TcpStream>>> = Arc::default();
    let (back, writer) = (Arc::clone(&udp), Arc::clone(&client));
    thread::spawn(move || {
        let mut buffer = [0; MOST];
        while let Ok(count) = back.recv(&mut buffer) {
            if let Some(mut client) = writer.lock().unwrap_or_else(PoisonError::into_inner).as_ref() {
                // A client that is gone is replaced by the next.
                client.write_all(&buffer[..count]).unwrap_or_default();
            }
        }
    });
    for stream in clients.incoming() {
        let stream = stream?;
        stream.set_nodelay(true)?;
        *client.lock().unwrap_or_else(PoisonError::into_inner) = Some(stream.try_clone()?);
        into_datagrams(stream, &udp)?;
    }
    Ok(())
}

fn far(from: SocketAddr, to: SocketAddr) -> Result<()> {
    let udp = Arc::new(UdpSocket::bind(from)?);
    let (_, peer) = udp.peek_from(&mut [0; MOST])?;
    udp.connect(peer)?;
    let mut stream = TcpStream::connect(to)?;
    stream.set_nodelay(true)?;
    let (reader, back) = (stream.try_clone()?, Arc::clone(&udp));
    thread::spawn(move || into_datagrams(reader, &back));
    let mut buffer = [0; MOST];
    loop {
        let count = udp.recv(&mut buffer)?;
        stream.write_all(&buffer[..count])?;
    }
}

fn into_datagrams(mut stream: TcpStream, udp: &UdpSocket) -> Result<()> {
    let mut buffer = [0; MOST];
    loop {
        match stream.read(&mut buffer)? {
            0 => return Ok(()),
            count => udp.send(&buffer[..count])?,
        };
    }
}
