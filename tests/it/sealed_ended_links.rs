//! A client that ends a link and asks for it again gets another incarnation of it, however soon its initiation
//! comes: keys for streams that are gone would leave a client waiting for them.

use std::time::Duration;

use proto::Time;
use proto::sealed::crypto::cipher::SessionKeys;
use proto::sealed::crypto::random::Random;
use proto::sealed::handshake::initiator::{Established, Initiator, Outcome};
use proto::sealed::handshake::terms::Incarnation;
use proto::sealed::wire::packet::{HEADER_LEN, TAG_LEN};
use proto::ticket::Ticket;
use testbed::asker::{identity, unix_now};
use testbed::folder::Folder;
use testbed::pair::PATIENCE;
use testbed::seed::seed;
use testbed::target::{Manner, Target};
use tokio::net::UdpSocket;
use tokio::time::timeout;

use crate::programs::{PROXY2, sealed_program};

/// Each is over at once, or by a rule broken, or while it still holds what nobody has read.
const ENDS: [&[u8]; 3] = [b"E\x00\x00", b"K\x00", b"E\x02\x00"];

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn keys_are_never_for_an_incarnation_that_has_ended() {
    let target = Target::start(Manner::Echo).await;
    let folder = Folder::new();
    let proxy2 = sealed_program(PROXY2, "0", target.address(), &folder, &[]);
    let ticket = std::fs::read_to_string(folder.path("state/local.ticket")).unwrap();
    let mut client = Client::new(ticket.parse().unwrap(), proxy2.address()).await;
    let (mut session, mut before) = client.handshake().await;
    for end in ENDS.into_iter().cycle().take(30) {
        client.send(&session, b"P").await;
        client.send(&session, end).await;
        let (new, incarnation) = client.handshake().await;
        assert_ne!(incarnation, before, "after {end:?}");
        (session, before) = (new, incarnation);
    }
}

/// A proxy1 that does as it likes.
struct Client {
    socket: UdpSocket,
    initiator: Initiator,
    random: Random,
    sent: u64,
}

impl Client {
    async fn new(ticket: Ticket, proxy2: std::net::SocketAddr) -> Self {
        let socket = UdpSocket::bind("127.0.0.1:0").await.unwrap();
        socket.connect(proxy2).await.unwrap();
        let mut bytes = [7; 32];
        bytes[..8].copy_from_slice(&seed().to_le_bytes());
        let (initiator, random) = (Initiator::new(ticket, identity(9)), Random::from_seed(bytes));
        Self { socket, initiator, random, sent: 0 }
    }

    async fn send(&mut self, session: &SessionKeys, frames: &[u8]) {
        let mut packet = [&[0; HEADER_LEN][..], frames, &[0; TAG_LEN]].concat();
        session.seal.seal_in_place(self.sent, &mut packet);
        self.sent += 1;
        self.socket.send(&packet).await.unwrap();
    }

    /// Asks until there is a response, as often as it takes.
    async fn handshake(&mut self) -> (SessionKeys, Incarnation) {
        let asked = async {
            loop {
                let index = self.random.u32();
                let initiation = self.initiator.start(Time::ZERO, unix_now(), index, &mut self.random);
                self.socket.send(&initiation).await.unwrap();
                if let Ok(established) = timeout(Duration::from_millis(100), self.response()).await {
                    return (established.session, established.incarnation);
                }
            }
        };
        timeout(PATIENCE, asked).await.expect("proxy2 answers")
    }

    async fn response(&mut self) -> Established {
        let mut room = [0; 2_048];
        loop {
            let length = self.socket.recv(&mut room).await.unwrap();
            if let Outcome::Established(established) = self.initiator.handle(Time::ZERO, &room[..length]) {
                return *established;
            }
        }
    }
}
