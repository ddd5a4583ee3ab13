//! A client that shows what came.

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::Dashboard;

/// An answer.
#[derive(Clone, Debug)]
pub(super) struct Answer {
    pub(super) status: u16,
    pub(super) head: String,
    pub(super) body: String,
}

/// Asks for a path.
pub(super) async fn get(dashboard: &Dashboard, path: &str) -> Answer {
    request(dashboard, &format!("GET {path} HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n")).await
}

/// Sends that, and reads until the end of the connection.
pub(super) async fn request(dashboard: &Dashboard, text: &str) -> Answer {
    let mut stream = TcpStream::connect(dashboard.address()).await.unwrap();
    stream.write_all(text.as_bytes()).await.unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.unwrap();
    let (head, body) = answer.split_once("\r\n\r\n").unwrap_or((&answer, ""));
    let status = head.split(' ').nth(1).and_then(|status| status.parse().ok()).unwrap_or(0);
    Answer { status, head: format!("{head}\r\n"), body: body.into() }
}
