//! Reverse forwards and names: one proxy2 and some proxy1s in one process.

mod datagrams;
mod dialogue;
mod names;
mod reverse;

use std::time::Duration;

use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::time::timeout;

use crate::address::Listen;
use crate::rules::Rules;
use crate::session::*;
use crate::settings::{
    Allow, ClientSettings, Destination, Forward, ListenOn, Reverse, ReverseAt, ReverseTo, ServerSettings,
    Ticket, TicketSource,
};
use crate::state::MemoryState;

/// Longer than anything takes on a machine that is busy.
const LONG: Duration = Duration::from_secs(20);

/// A proxy2 without files, whose tickets may do what `rules` say.
struct Exit {
    memory: MemoryState,
    address: SocketAddr,
    running: Handle,
}

impl Exit {
    async fn start(rules: &str) -> Self {
        Self::start_with(MemoryState::new(), Listen::loopback(0), rules, |_| {}).await
    }

    async fn start_with(
        memory: MemoryState,
        listen: Listen,
        rules: &str,
        set: impl FnOnce(&mut ServerSettings),
    ) -> Self {
        let rules = Rules::parse(rules.split_whitespace()).unwrap();
        let mut settings = ServerSettings::new(listen, (&memory).into(), Allow { target: None, rules });
        set(&mut settings);
        let session = Session::bind(settings).await.unwrap();
        Self { memory, address: session.udp_addresses()[0], running: session.run() }
    }

    fn ticket(&self, name: &str) -> Ticket {
        self.memory.add_ticket(name.parse().unwrap()).unwrap()
    }

    /// A proxy1 with that ticket and these reverse forwards.
    async fn proxy1(&self, ticket: &Ticket, reverse: Vec<Reverse>) -> Handle {
        let source = TicketSource::Given(ticket.clone());
        let settings = ClientSettings::new(source, vec![self.address.into()]);
        Session::bind(ClientSettings { reverse, ..settings }).await.unwrap().run()
    }

    /// The same with a ticket of its own.
    async fn joined(&self, name: &str) -> Handle {
        self.proxy1(&self.ticket(name), vec![]).await
    }
}

/// Listens at any port of proxy2's loopback interface.
fn at_any_port() -> ReverseAt {
    ReverseAt::Listen(ListenOn::Tcp(Listen::loopback(0)))
}

fn named(name: &str) -> ReverseAt {
    ReverseAt::Publish(name.parse().unwrap())
}

fn reverse(at: ReverseAt, to: SocketAddr) -> Reverse {
    Reverse { at, to: ReverseTo::Tcp(to.into()), proxy_protocol: None }
}

fn service(name: &str) -> Destination {
    format!("@{name}").parse().unwrap()
}

/// Sends `word` to each connection, then echoes what it sends, until its end.
async fn target(word: &'static str) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        while let Ok((mut connection, _)) = listener.accept().await {
            tokio::spawn(async move {
                let (mut from, mut to) = connection.split();
                to.write_all(word.as_bytes()).await?;
                tokio::io::copy(&mut from, &mut to).await?;
                to.shutdown().await
            });
        }
    });
    address
}

/// Sends bytes to such a target, and FIN; its word. What was sent comes back behind it.
async fn greeting(stream: impl AsyncRead + AsyncWrite, length: usize) -> String {
    let bytes: Vec<u8> = (0..length).map(|i| i.to_le_bytes()[1]).collect();
    let (mut from, mut to) = tokio::io::split(stream);
    let send = async {
        to.write_all(&bytes).await.unwrap();
        to.shutdown().await.unwrap();
    };
    let mut back = Vec::new();
    let (_, read) = tokio::join!(send, from.read_to_end(&mut back));
    read.unwrap();
    let echo = back.split_off(back.len() - length);
    assert!(echo == bytes, "{length} bytes come back as they were");
    String::from_utf8(back).unwrap()
}

async fn within<T>(future: impl Future<Output = T>) -> T {
    timeout(LONG, future).await.expect("it takes too long")
}
