//! A proxy port: each client says itself where it wants to go, in SOCKS5, SOCKS4, HTTP CONNECT or plain HTTP, told apart by the first
//! byte. Names are not resolved here, they travel to the exit; and no client is told of a success before the exit has connected.
//!
//! - `socks`: the bytes of SOCKS, and nothing else
//! - `http`: requests of HTTP, by hyper
//! - `opener`: what opens the streams: a link, or a dial of this end's own
//! - `clients`: those that have not been brought on their way yet
//! - `places`: how many of them there may be
//!
//! SOCKS is read here and not by a library: those that there are read from the socket field by field, have errors and log lines of their
//! own, and bring more crates than this has lines. All it takes is three messages.

pub(crate) mod clients;
mod http;
pub(crate) mod opener;
pub(crate) mod places;
mod prefixed;
mod socks;

use std::io;
use std::time::Duration;

use proto::destination::Destination;
use proto::sealed::wire::frame::ResetCode;
use proto::target::{Host, Target, TargetError};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::time::timeout;

use self::opener::{Opener, ProxyClient};
use self::prefixed::Prefixed;
use self::socks::{Dialogue, Step};

/// How long a client may take to say where it wants to go. A person who types a request by hand is done by then.
const PATIENCE: Duration = Duration::from_secs(if cfg!(test) { 2 } else { 30 });
/// Bytes of the longest dialogue of SOCKS that makes sense: version 4 with a user of 255 bytes and a name of 255 has 520.
const MAX_SOCKS: usize = 1_024;
/// Bytes read in one go.
const CHUNK: usize = 2_048;
/// How long a client that was refused may take to read why.
const FAREWELL: Duration = Duration::from_secs(1);

/// What became of a client of a proxy port.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Outcome {
    /// It was brought on its way, was told why it could not be, or has gone.
    Done,
    /// It did not say in time where it wants to go.
    TimedOut,
    /// What it said is no request. In words.
    Malformed(&'static str),
    /// It asked for something that is not done here. In words.
    Unsupported(&'static str),
}

/// Serves one client, until its connection is part of a stream or is over.
pub(crate) async fn serve<O: Opener>(mut client: O::Client, opener: O) -> Outcome {
    let mut first = Vec::new();
    let began = match timeout(PATIENCE, read_more(&mut client, &mut first)).await {
        Err(_) => return Outcome::TimedOut,
        Ok(Err(_)) => return Outcome::Done,
        Ok(Ok(())) => first.first().copied().unwrap_or_default(),
    };
    match began {
        4 | 5 => serve_socks(client, first, opener).await,
        b'A'..=b'Z' => http::serve(Prefixed::new(client, first), opener).await,
        0x16 => Outcome::Malformed("TLS (write the proxy's address with http://, not https://)"),
        _ => Outcome::Malformed("neither SOCKS nor HTTP"),
    }
}

async fn serve_socks<O: Opener>(mut client: O::Client, first: Vec<u8>, opener: O) -> Outcome {
    let mut dialogue = Dialogue::new(first);
    let request = match timeout(PATIENCE, read_request(&mut client, &mut dialogue)).await {
        Err(_) => return Outcome::TimedOut,
        Ok(Err(_)) => return Outcome::Done,
        Ok(Ok(request)) => request,
    };
    let destination = match request {
        Ok(destination) => destination,
        Err(outcome) => {
            say_farewell(client).await;
            return outcome;
        }
    };
    let opened = tokio::select! {
        opened = opener.tunnel(&destination) => opened,
        () = client.broken() => return Outcome::Done,
    };
    match opened {
        Ok(tunnel) => {
            if client.write_all(&dialogue.success()).await.is_ok() {
                opener.join(tunnel, client, dialogue.rest()).await;
            }
        }
        Err(code) => {
            if client.write_all(&dialogue.failure(code)).await.is_ok() {
                say_farewell(client).await;
            }
        }
    }
    Outcome::Done
}

/// What the client asks for; the error has been answered.
async fn read_request(
    client: &mut impl ProxyClient,
    dialogue: &mut Dialogue,
) -> io::Result<Result<Destination, Outcome>> {
    loop {
        match dialogue.next() {
            Step::Read if dialogue.buffered() >= MAX_SOCKS => {
                return Ok(Err(Outcome::Malformed("a SOCKS request that does not end")));
            }
            Step::Read => read_more(client, dialogue.buffer()).await?,
            Step::Answer(bytes) => client.write_all(&bytes).await?,
            Step::Open(destination) => return Ok(Ok(destination)),
            Step::Refuse(bytes, outcome) => {
                client.write_all(&bytes).await?;
                return Ok(Err(outcome));
            }
        }
    }
}

/// Reads what there is, at least a byte.
async fn read_more(client: &mut impl ProxyClient, into: &mut Vec<u8>) -> io::Result<()> {
    into.reserve(CHUNK);
    match client.read_buf(into).await? {
        0 => Err(io::ErrorKind::UnexpectedEof.into()),
        _ => Ok(()),
    }
}

/// Ends the connection in order, behind the answer. What the client still sends is read for a moment: unread, it would become an RST,
/// which takes the answer with it.
async fn say_farewell(mut client: impl ProxyClient) {
    let mut chunk = [0; CHUNK];
    client.end_in_order();
    let read = async {
        if client.shutdown().await.is_ok() {
            while client.read(&mut chunk).await.is_ok_and(|count| count > 0) {}
        }
    };
    // Over either way.
    let _ = timeout(FAREWELL, read).await;
}

/// What is opened for a client that wants to go to this host and port. `NAME.paso` is the published service `@NAME`, at whatever port:
/// so a browser can reach one.
fn destination(host: &str, port: u16) -> Result<Destination, TargetError> {
    const SERVICES: &str = ".paso";
    let host = host.parse::<Host>()?;
    if let Host::Name(name) = &host
        && let Some(name) = name.as_str().trim_end_matches('.').strip_suffix(SERVICES)
    {
        let name = name.parse().map_err(|_| TargetError::Host)?;
        return Ok(Destination::Service { name, udp: false });
    }
    Target::new(host, port).map(Destination::Tcp)
}

/// The sentence for a client that asked for `destination`.
fn sentence(destination: &Destination, code: ResetCode) -> String {
    format!("{destination}: {code}\n")
}

#[cfg(test)]
mod tests;
