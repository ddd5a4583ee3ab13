//! What a link costs proxy2 that carries nothing.

use std::future::pending;

use tokio::net::UdpSocket;
use tokio::task::JoinSet;
use tokio::time::sleep;

use super::*;
use crate::address::Listen;
use crate::settings::ServerSettings;

/// Of one link with a ticket of its own, in bytes of heap: 10,000 of them may take 200 MiB, which the allocator, the program and its buffers are
/// a part of.
const MOST_HELD: i64 = 18 << 10;

/// The keys and the task alone take more. With less the links ran on another thread, and nothing was counted.
const LEAST_HELD: i64 = 4 << 10;

/// A link has nothing more to say once it wants to wait for so long: less is an acknowledgement that is missing.
const SETTLED: Duration = Duration::from_secs(5);

#[tokio::test]
async fn an_idle_link_of_proxy2_holds_little() {
    const FEW: usize = 20;
    const MANY: usize = 220;
    let (few, many) = (held_with(FEW).await, held_with(MANY).await);
    let each = (many - few) / (MANY - FEW) as i64;
    assert!((LEAST_HELD..=MOST_HELD).contains(&each), "{each} bytes");
}

/// Bytes that a proxy2 holds with so many links, each of which has just come up.
async fn held_with(links: usize) -> i64 {
    let state = MemoryState::new();
    let tickets: Vec<_> =
        (0..links).map(|number| state.add_ticket(format!("t{number}").parse().unwrap()).unwrap()).collect();
    let (mut server, address) = server(&state, links);
    server.demux = server.demux.on_one_thread();
    let mut counters = server.registry().subscribe();
    let server = tokio::spawn(server.run(pending()));
    let clients: JoinSet<_> = tickets.into_iter().map(|ticket| come_up(ticket, address)).collect();
    assert!(clients.join_all().await.into_iter().all(|came_up| came_up.is_ok()));
    counters.wait_for(|now| now.links_up == links as u64).await.unwrap();
    let with = heap::held_by_this_thread();
    server.abort();
    // The tasks of its links have it as well.
    while counters.changed().await.is_ok() {}
    with - heap::held_by_this_thread()
}

fn server(state: &MemoryState, links: usize) -> (Server, SocketAddr) {
    let options = Sealed::default();
    let settings = ServerSettings {
        max_links: links * 2,
        handshakes_per_second: Some(10_000),
        ..ServerSettings::new(Listen::loopback(0), state.into(), Allow::default())
    };
    let udp = Udp::bind("127.0.0.1:0".parse().unwrap(), options.socket_buffer).unwrap();
    let address = udp.local_addr().unwrap();
    let resources = ServerResources {
        key: state.key(),
        tickets: state.tickets().into(),
        folder: None,
        sockets: vec![udp],
        forwards: Vec::new(),
        published: Vec::new(),
    };
    (Server::new(&settings, resources), address)
}

/// Joins as one that expects streams does, which stays up, until neither end has anything more to say.
async fn come_up(ticket: Ticket, peer: SocketAddr) -> io::Result<()> {
    let (socket, clock) = (UdpSocket::bind("127.0.0.1:0").await?, Clock::start());
    let mut link = lone_link(clock.now(), &ticket);
    link.try_peer(peer);
    link.expect_streams(true);
    let mut buffer = [0; 2_048];
    loop {
        while let Some(sent) = link.poll_transmit(clock.now(), Clock::unix(), &mut buffer) {
            for datagram in buffer[..sent.length].chunks(sent.segment) {
                socket.send_to(datagram, peer).await?;
            }
        }
        while link.poll_event().is_some() {}
        let now = clock.now();
        let wait = link.poll_timeout(now).since(now);
        if link.is_up() && wait > SETTLED {
            return Ok(());
        }
        tokio::select! {
            received = socket.recv(&mut buffer) => {
                link.handle_datagram(clock.now(), peer, &mut buffer[..received?]);
            }
            () = sleep(wait) => link.handle_timeout(clock.now()),
        }
    }
}
