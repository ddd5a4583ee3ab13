//! A flood of handshakes that are in order costs no more public-key work than `--handshakes` allows. Running links do
//! not notice, and who can be answered at its address comes in.

use std::net::SocketAddr;

use proto::Time;
use proto::sealed::crypto::random::Random;
use proto::sealed::handshake::initiator::Initiator;
use proto::sealed::wire::packet::Kind;
use proto::ticket::Ticket;
use testbed::asker::{identity, unix_now};
use testbed::client::exchange;
use testbed::folder::Folder;
use testbed::pair::PATIENCE;
use testbed::seed::seed;
use testbed::target::{Manner, Target};
use tokio::net::{TcpStream, UdpSocket};
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::timeout;

use crate::programs::{PROXY2, sealed_program, sealed_proxy1};

/// Initiations at a time: not all are answered.
const BURST: usize = 8;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_flood_keeps_nobody_out() {
    let target = Target::start(Manner::Echo).await;
    let folder = Folder::new();
    let proxy2 = sealed_program(PROXY2, "0", target.address(), &folder, &["--handshakes", "1"]);
    let ticket = std::fs::read_to_string(folder.path("state/local.ticket")).unwrap();
    let ticket: Ticket = ticket.parse().unwrap();
    let running = sealed_proxy1("0", proxy2.address(), &folder);
    let mut client = TcpStream::connect(running.address()).await.unwrap();
    assert_eq!(exchange(&mut client, b"before").await, b"before");

    let mut flood = Flood::start(proxy2.address(), ticket).await;
    flood.comes_to_another_cookie().await;
    let second = sealed_proxy1("0", proxy2.address(), &folder);
    let mut late = TcpStream::connect(second.address()).await.unwrap();
    assert_eq!(exchange(&mut late, b"in spite of it").await, b"in spite of it");
    assert_eq!(exchange(&mut client, b"during").await, b"during");
    flood.comes_to_another_cookie().await;
}

/// Initiations of somebody who cannot use the cookies, or does not care. Ends when it is dropped.
struct Flood {
    cookies: watch::Receiver<u64>,
    _task: JoinSet<()>,
}

impl Flood {
    async fn start(proxy2: SocketAddr, ticket: Ticket) -> Self {
        let socket = UdpSocket::bind("127.0.0.1:0").await.unwrap();
        socket.connect(proxy2).await.unwrap();
        let (tell, cookies) = watch::channel(0);
        let mut task = JoinSet::new();
        task.spawn(async move {
            let mut asker = Asker::new(ticket);
            let mut response = [0; 2_048];
            loop {
                for _ in 0..BURST {
                    _ = socket.send(&asker.initiation()).await;
                }
                // The next ones leave when one of these has been answered.
                let Ok(length) = socket.recv(&mut response).await else { continue };
                tell.send_modify(|cookies| {
                    *cookies += u64::from(Kind::of(&response[..length]) == Some(Kind::Cookie));
                });
            }
        });
        Self { cookies, _task: task }
    }

    /// Waits until proxy2, which notices that handshakes are many, asks for a proof of the address once more.
    async fn comes_to_another_cookie(&mut self) {
        let before = *self.cookies.borrow();
        let another = self.cookies.wait_for(|cookies| *cookies > before);
        timeout(PATIENCE, another).await.expect("a flood is asked for proof").unwrap();
    }
}

/// A proxy1 that only asks.
struct Asker {
    initiator: Initiator,
    random: Random,
    asked: u64,
}

impl Asker {
    fn new(ticket: Ticket) -> Self {
        let mut bytes = [9; 32];
        bytes[..8].copy_from_slice(&seed().to_le_bytes());
        Self { initiator: Initiator::new(ticket, identity(9)), random: Random::from_seed(bytes), asked: 0 }
    }

    fn initiation(&mut self) -> Vec<u8> {
        self.asked += 1;
        let index = u32::try_from(self.asked).unwrap();
        self.initiator.start(Time::ZERO, unix_now(), index, &mut self.random)
    }
}
