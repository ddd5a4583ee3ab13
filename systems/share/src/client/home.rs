//! The server, as the client sees it.

use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use paso::Link;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::time::timeout;

use super::answer::{Answer, MAX_ANSWER, read};
use crate::ending::end_in_order;
use crate::multifile::holder::{Address, Connection};
use crate::wire::request::Request;

/// How long the server may take for an answer.
const ANSWER_WITHIN: Duration = Duration::from_secs(20);

/// Where the server is.
#[derive(Clone, Debug)]
pub enum Home {
    /// At a published name.
    Named {
        /// That leads to it.
        link: Link,
        /// The name, without the `@`.
        name: String,
        /// The name of this client's own ticket.
        ticket: String,
    },
    /// At an address, over plain TCP: ours, or any of the course.
    Plain(SocketAddr),
}

impl Home {
    /// Asks the server.
    ///
    /// # Errors
    /// It is not there, ends without an answer, or sends what is none.
    pub async fn ask(&self, request: &Request) -> io::Result<Answer> {
        let asking = async {
            let mut stream = self.connect().await?;
            stream.write_all(&request.to_bytes()).await?;
            let mut bytes = Vec::new();
            loop {
                let length = (&mut stream).take(64 << 10).read_buf(&mut bytes).await?;
                if let Some(answer) = read(request.operation, &bytes) {
                    // Nobody needs to wait for that.
                    tokio::spawn(end_in_order(stream, ANSWER_WITHIN));
                    return Ok(answer);
                }
                if length == 0 {
                    return Err(io::ErrorKind::UnexpectedEof.into());
                }
                if bytes.len() > MAX_ANSWER {
                    return Err(io::Error::new(io::ErrorKind::InvalidData, "the server sends no answer"));
                }
            }
        };
        timeout(ANSWER_WITHIN, asking).await.unwrap_or_else(|_| Err(io::ErrorKind::TimedOut.into()))
    }

    /// Connects to it.
    ///
    /// # Errors
    /// It is not there.
    pub(super) async fn connect(&self) -> io::Result<Box<dyn Connection>> {
        self.address().connect().await
    }

    fn address(&self) -> Address {
        match self {
            Self::Named { link, name, .. } => Address::Named(link.clone(), name.clone()),
            Self::Plain(address) => Address::At(*address),
        }
    }
}
