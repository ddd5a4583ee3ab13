//! Either end may have either role.

use std::future::pending;
use std::sync::Arc;
use std::time::Duration;

use proto::sealed::wire::frame::ResetCode;
use proto::ticket::record::TicketRecord;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

use super::dialler::Dialler;
use super::ticket_resources::TicketResources;
use super::ticket_share::StreamPlaces;
use super::*;
use crate::metrics::Count;
use crate::settings::{StateSource, TicketSource};

/// A listener on loopback, and its address.
fn listener() -> (Listener, SocketAddr) {
    let listener = Listener::bind("127.0.0.1:0".parse().unwrap(), Default::default()).unwrap();
    let address = listener.local_addr().unwrap();
    (listener, address)
}

fn dialler(target: SocketAddr) -> Dialler {
    let ticket = TicketResources::new(String::new(), StreamPlaces::new(100).share(), Budget::new(1 << 20));
    let settings = DialSettings { limit: Duration::from_secs(5), keepalive: Default::default() };
    Dialler::new(Arc::new(Permit::only(target.into())), settings, Arc::new(ticket))
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
    let options = SealedExit::new(StateSource::Given { key: key.clone(), tickets: tickets.clone() });
    let [outside, inside] = [TcpListener::bind("127.0.0.1:0").await, TcpListener::bind("127.0.0.1:0").await];
    let (outside, inside) = (outside.unwrap(), inside.unwrap());
    let udp = Udp::bind("127.0.0.1:0".parse().unwrap(), 0).unwrap();
    let bound = udp.local_addr().unwrap();
    let target = outside.local_addr().unwrap().into();
    let mut server = Server::new(key, tickets.into(), &options, target, vec![udp]);
    let (reverse, reverse_address) = listener();
    server.demux = server.demux.listening(reverse);

    let (forward, forward_address) = listener();
    let entry = SealedEntry::new(TicketSource::Given(ticket.clone()), vec![bound.into()]);
    let socket = Udp::bind_any(0).unwrap();
    let mut client = Client::new(ticket, entry, forward, forward_address, socket);
    client.task = client.task.dialling(dialler(inside.local_addr().unwrap()));

    let mut counters = client.counters();
    tokio::spawn(server.run(pending()));
    tokio::spawn(client.run(pending()));
    counters.wait_for(|counters| counters.sealed.get(Count::LinksUp) == 1).await.unwrap();
    for _ in 0..3 {
        let client = TcpStream::connect(reverse_address).await.unwrap();
        says(client, &inside, [b"to the inside", b"and back"]).await;
        let client = TcpStream::connect(forward_address).await.unwrap();
        says(client, &outside, [b"to the outside", b"and back"]).await;
    }
    // What the dialler does not allow is refused: a plain forward names no target, and this one is another.
    let mut other = dialler(inside.local_addr().unwrap());
    assert_eq!(
        other.dial(proto::sealed::wire::frame::StreamId(1), b"192.0.2.1:1"),
        Err(ResetCode::Forbidden)
    );
}
