//! What test clients do with a connection, each within ten seconds.

use std::net::SocketAddr;
use std::time::Duration;

use echo::client::{Report, Settings};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;

use crate::pair::PATIENCE;
use crate::seed::seed;

/// Sends `data` and receives as many bytes.
///
/// # Panics
/// When they do not come.
pub async fn exchange(stream: &mut TcpStream, data: &[u8]) -> Vec<u8> {
    let mut back = vec![0; data.len()];
    let (mut reading, mut writing) = stream.split();
    let both = async { tokio::try_join!(writing.write_all(data), reading.read_exact(&mut back)) };
    timeout(PATIENCE, both).await.expect("an answer in time").expect("an open connection");
    back
}

/// Sends a byte from each to the other, which are the two ends of one way.
///
/// # Panics
/// When one does not come.
pub async fn pass_both_ways(one: &mut TcpStream, other: &mut TcpStream) {
    let mut byte = [0];
    let both = async {
        one.write_all(b"?").await?;
        other.read_exact(&mut byte).await?;
        other.write_all(b"!").await?;
        one.read_exact(&mut byte).await
    };
    timeout(PATIENCE, both).await.expect("an answer in time").expect("open connections");
}

/// Reads to the end of the connection: what came, and whether it ended in order (else with a reset).
///
/// # Panics
/// When it does not end.
pub async fn read_to_end(stream: &mut TcpStream) -> (Vec<u8>, bool) {
    let mut data = Vec::new();
    let end = timeout(PATIENCE, stream.read_to_end(&mut data)).await.expect("the connection ends in time");
    (data, end.is_ok())
}

/// Reads to the end of the connection, which must be a reset.
///
/// # Panics
/// When it does not end, or ends in order.
pub async fn read_to_reset(stream: &mut TcpStream) -> Vec<u8> {
    let mut data = Vec::new();
    let end = timeout(PATIENCE, stream.read_to_end(&mut data)).await.expect("the connection ends in time");
    let kind = end.map_err(|error| error.kind());
    assert_eq!(kind, Err(std::io::ErrorKind::ConnectionReset), "after {} bytes", data.len());
    data
}

/// Connects, and is reset before a byte comes: the connection may be gone before one learns that it was there.
///
/// # Panics
/// When anything else happens.
pub async fn is_turned_away(address: SocketAddr) {
    match TcpStream::connect(address).await {
        Ok(mut stream) => assert_eq!(read_to_reset(&mut stream).await, b""),
        Err(error) => assert_eq!(error.kind(), std::io::ErrorKind::ConnectionReset),
    }
}

/// `clients` echo clients in parallel, `bytes` each, with the seed of this run.
///
/// # Panics
/// When the address cannot be resolved.
pub async fn echo_clients(address: impl ToString, clients: usize, bytes: u64) -> Report {
    let settings = Settings { clients, bytes, seed: seed(), ..Settings::new(address.to_string()) };
    run(settings).await
}

/// Echo clients with settings of one's own.
///
/// # Panics
/// When the address cannot be resolved, or the clients hang.
pub async fn run(settings: Settings) -> Report {
    let report = timeout(Duration::from_secs(60), echo::client::run(settings)).await;
    report.expect("echo clients never hang").expect("an address")
}
