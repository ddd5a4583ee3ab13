//! When bytes are written.

use std::io::Read as _;
use std::net;

use proto::classic::{Entry, Settings};

use super::*;

/// A stream's connection for which at most 4 bytes wait, and its other end, which does not wait for bytes.
async fn conn() -> (Conns<()>, Stream, net::TcpStream) {
    let listener = net::TcpListener::bind("127.0.0.1:0").unwrap();
    let tcp = TcpStream::connect(listener.local_addr().unwrap()).await.unwrap();
    let (other, _) = listener.accept().unwrap();
    other.set_nonblocking(true).unwrap();
    let stream = Entry::new(Settings::default()).open(proto::Time::ZERO).unwrap();
    let mut conns = Conns::new(4, 1 << 20);
    conns.insert(stream, tcp);
    (conns, stream, other)
}

fn text(from: &mut net::TcpStream) -> String {
    let mut bytes = [0; 64];
    let count = from.read(&mut bytes).unwrap_or_default();
    String::from_utf8(bytes[..count].to_vec()).unwrap()
}

#[tokio::test]
async fn a_few_datagrams_leave_with_one_write() {
    let (mut conns, stream, mut other) = conn().await;
    for part in [b"ho", b"la"] {
        assert_eq!(conns.put(stream, &[IoSlice::new(part)]).unwrap(), 0);
    }
    assert_eq!(text(&mut other), "", "nothing is written yet");
    let mut broken = Vec::new();
    conns.write(&mut broken);
    assert_eq!((text(&mut other).as_str(), broken.len()), ("hola", 0));
}

#[tokio::test]
async fn what_has_no_room_to_wait_is_written_at_once() {
    let (mut conns, stream, mut other) = conn().await;
    for part in [b"hol", b"a, "] {
        assert_eq!(conns.put(stream, &[IoSlice::new(part)]).unwrap(), 0);
    }
    assert_eq!(conns.put(stream, &[IoSlice::new(b"que "), IoSlice::new(b"tal")]).unwrap(), 0);
    assert_eq!(text(&mut other), "hola, que tal");
}
