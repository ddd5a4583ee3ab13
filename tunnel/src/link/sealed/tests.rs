//! Either end may have either role.

use std::future::pending;
use std::net::SocketAddr;

use proto::ticket::record::TicketRecord;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;

use super::*;
use crate::address::Listen;
use crate::settings::{Forward, StateSource, TicketSource};

/// A forward from loopback, and where its clients connect.
async fn forward() -> (Forwarding, SocketAddr) {
    let forward = Forward::plain(Listen::loopback(0));
    let forwarding = Forwarding::bind(&forward, Default::default()).await.unwrap();
    let address = forwarding.bound().tcp().unwrap();
    (forwarding, address)
}

async fn says(mut client: TcpStream, target: &TcpListener, words: [&[u8]; 2]) {
    let (mut connection, _) = target.accept().await.unwrap();
    for (index, from) in [(0, 0), (1, 1)] {
        let mut heard = vec![0; words[index].len()];
        let (here, there) =
            if from == 0 { (&mut client, &mut connection) } else { (&mut connection, &mut client) };
        here.write_all(words[index]).await.unwrap();
        there.read_exact(&mut heard).await.unwrap();
        assert_eq!(heard, words[index]);
    }
    drop(client);
    let end = connection.read(&mut [0; 1]).await;
    assert!(matches!(end, Ok(0)), "FIN is carried: {end:?}");
}

/// proxy2 accepts clients and proxy1 dials for them, while proxy1 accepts clients and proxy2 dials for those.
#[tokio::test]
async fn streams_are_opened_from_both_sides_at_once() {
    let mut random = entropy::random();
    let key = PrivateKey::generate(&mut random);
    let ticket = Ticket::generate(key.public(), true, &mut random);
    let record = TicketRecord::new("one".parse().unwrap(), &ticket, None);
    let (_keep, tickets) = watch::channel(vec![record]);
    let [outside, inside] = [TcpListener::bind("127.0.0.1:0").await, TcpListener::bind("127.0.0.1:0").await];
    let (outside, inside) = (outside.unwrap(), inside.unwrap());
    let udp = Udp::bind("127.0.0.1:0".parse().unwrap(), 0).unwrap();
    let bound = udp.local_addr().unwrap();
    let only = |target: &TcpListener| Allow::only(target.local_addr().unwrap().into());
    let state = StateSource::Given { key: key.clone(), tickets: tickets.clone() };
    let settings = ServerSettings::new(Listen::loopback(0), state, only(&outside));
    let mut server = Server::new(&settings, key, tickets.into(), vec![udp]);
    let (reverse, reverse_address) = forward().await;
    server.demux = server.demux.forwarding(reverse);

    let (forward, forward_address) = forward().await;
    let settings = ClientSettings::new(TicketSource::Given(ticket.clone()), vec![bound.into()]);
    let settings = ClientSettings { allow: only(&inside), ..settings };
    let (_requests, asked) = requests();
    let resources = ClientResources {
        ticket,
        forwards: vec![forward],
        udp: Udp::bind_any(0).unwrap(),
        requests: asked,
        status: watch::Sender::default(),
    };
    let client = Client::new(settings, resources);

    let mut counters = client.registry().subscribe();
    tokio::spawn(server.run(pending()));
    tokio::spawn(client.run(pending()));
    counters.wait_for(|counters| counters.links_up == 1).await.unwrap();
    for _ in 0..3 {
        let client = TcpStream::connect(reverse_address).await.unwrap();
        says(client, &inside, [b"to the inside", b"and back"]).await;
        let client = TcpStream::connect(forward_address).await.unwrap();
        says(client, &outside, [b"to the outside", b"and back"]).await;
    }
}
