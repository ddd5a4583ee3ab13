//! Pairs in one process, looked at and steered while they run.

use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

use super::*;
use crate::address::Listen;
use crate::settings::{
    Allow, Classic, ClassicEntry, ClassicExit, ClientSettings, Forward, ServerSettings, TicketSource,
};
use crate::state::MemoryState;
use crate::view::{
    ItemId, LimitedBy, LinkState, LinkView, OpenedBy, SessionView, StreamKind, StreamState, StreamView,
};

/// proxy1 and proxy2 towards `target`, and where clients connect.
async fn sealed(target: SocketAddr) -> (SocketAddr, [Handle; 2]) {
    let memory = MemoryState::new();
    let ticket = memory.add_ticket("laptop".parse().unwrap()).unwrap();
    let exit = ServerSettings::new(Listen::loopback(0), (&memory).into(), Allow::only(target.into()));
    let exit = Session::bind(exit).await.unwrap();
    let entry = ClientSettings::new(TicketSource::Given(ticket), vec![exit.udp_addresses()[0].into()]);
    started(Session::bind(entry.forward(Forward::plain(Listen::loopback(0)))).await.unwrap(), exit)
}

async fn classic(target: SocketAddr) -> (SocketAddr, [Handle; 2]) {
    let (listen, options) = (Listen::loopback(0), Classic::default());
    let exit = ClassicExit { listen: listen.clone(), target: target.into(), options: options.clone() };
    let exit = Session::bind(exit).await.unwrap();
    let peer = exit.udp_addresses()[0].into();
    started(Session::bind(ClassicEntry { listen, peer, options }).await.unwrap(), exit)
}

fn started(entry: Session, exit: Session) -> (SocketAddr, [Handle; 2]) {
    (entry.listening()[0].tcp().unwrap(), [entry.run(), exit.run()])
}

/// A client that has sent `hola`, which is at the target, and been answered with as much.
async fn greeted(address: SocketAddr, target: &TcpListener) -> (TcpStream, TcpStream) {
    let mut client = TcpStream::connect(address).await.unwrap();
    client.write_all(b"hola").await.unwrap();
    let (mut at_target, _) = target.accept().await.unwrap();
    let mut bytes = [0; 4];
    at_target.read_exact(&mut bytes).await.unwrap();
    at_target.write_all(b"adios").await.unwrap();
    client.read_exact(&mut [0; 5]).await.unwrap();
    (client, at_target)
}

/// The one link, which answered, and its streams.
fn link(view: &SessionView) -> (&LinkView, &[StreamView]) {
    let [link] = &view.links[..] else { panic!("one link: {view:#?}") };
    assert!(link.answered && view.links_left_out == 0 && link.streams_left_out == 0, "{view:#?}");
    assert_eq!(usize::try_from(link.streams_open).unwrap(), link.streams.len());
    (link, &link.streams)
}

async fn is_reset(stream: &mut TcpStream) -> bool {
    let error = stream.read(&mut [0; 16]).await.err();
    error.is_some_and(|error| error.kind() == io::ErrorKind::ConnectionReset)
}

#[tokio::test]
async fn both_ends_of_a_sealed_link_show_it_and_its_stream() {
    let target = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let at = target.local_addr().unwrap();
    let (address, [entry, exit]) = sealed(at).await;
    let (client, _at_target) = greeted(address, &target).await;
    let (here, there) = (entry.view(Detail::Streams).await, exit.view(Detail::Streams).await);
    assert_eq!((here.role, here.kind, there.role), (Role::Proxy1, LinkKind::Sealed, Role::Proxy2));
    assert_eq!(here.listening[0].at, address.to_string());
    let ((link1, streams1), (link2, streams2)) = (link(&here), link(&there));
    assert_eq!((&link1.state, &link2.state), (&LinkState::Up, &LinkState::Up));
    assert_eq!((link1.ticket.as_deref(), link2.ticket.as_deref()), (None, Some("laptop")));
    assert_eq!((link1.peer, link2.local_port), (Some(there.udp[0]), Some(there.udp[0].port())));
    let path = link1.path.as_ref().expect("a path");
    assert!(path.round_trip_us.is_some() && path.packets.sent > 0 && path.packets.received > 0, "{path:?}");
    let ([one], [two]) = (streams1, streams2) else { panic!("one stream each: {streams1:?} {streams2:?}") };
    assert_eq!((one.id, one.kind, one.state), (two.id, StreamKind::Tcp, StreamState::Open));
    assert_eq!((one.opened_by, two.opened_by), (OpenedBy::Us, OpenedBy::Peer));
    assert_eq!(one.client, client.local_addr().unwrap().to_string());
    assert_eq!((two.target.as_str(), one.target.as_str(), two.client.as_str()), (&*at.to_string(), "", ""));
    assert_eq!([one.sent_bytes, one.received_bytes, two.sent_bytes, two.received_bytes], [4, 5, 5, 4]);
    assert_eq!(one.limited_by, LimitedBy::Application);
    // It has one form as JSON, and nothing is lost on the way.
    let text = serde_json::to_string(&there).unwrap();
    assert_eq!(serde_json::from_str::<SessionView>(&text).unwrap(), there);
}

#[tokio::test]
async fn closing_a_stream_resets_it_and_no_other() {
    let target = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let (address, [entry, exit]) = sealed(target.local_addr().unwrap()).await;
    let (mut first, mut first_target) = greeted(address, &target).await;
    let (mut second, mut second_target) = greeted(address, &target).await;
    let view = exit.view(Detail::Streams).await;
    let id = ItemId { link: 1, stream: Some(link(&view).1[0].id) };
    assert!(exit.viewer().close(id).await);
    assert!(is_reset(&mut first).await && is_reset(&mut first_target).await);
    assert!(!exit.viewer().close(id).await, "it is gone");
    second.write_all(b"hola").await.unwrap();
    second_target.read_exact(&mut [0; 4]).await.unwrap();
    assert_eq!(link(&exit.view(Detail::Streams).await).1.len(), 1);
    // The link as a whole: proxy1 makes another.
    assert!(exit.viewer().close(ItemId { link: 1, stream: None }).await);
    assert!(is_reset(&mut second).await);
    let _ = greeted(address, &target).await;
    assert_eq!(exit.view(Detail::Links).await.links[0].number, 2);
    drop(entry);
}

#[tokio::test]
async fn a_session_that_drains_lets_its_streams_end_and_takes_no_others() {
    let target = TcpListener::bind("127.0.0.1:0").await.unwrap();
    for drains in [0, 1] {
        let (address, sides) = sealed(target.local_addr().unwrap()).await;
        let (mut client, mut at_target) = greeted(address, &target).await;
        let viewer = sides[drains].viewer().clone();
        viewer.drain(Some(Duration::from_secs(60))).await;
        assert!(viewer.view(Detail::Links).await.draining.is_some());
        match TcpStream::connect(address).await {
            // proxy1 still listens where proxy2 drains: that refuses.
            Ok(mut refused) => assert!(drains == 1 && is_reset(&mut refused).await),
            Err(error) => {
                let kinds = [io::ErrorKind::ConnectionRefused, io::ErrorKind::ConnectionReset];
                assert_eq!(error.kind(), kinds[drains]);
            }
        }
        assert_eq!(viewer.stream_count(), 1);
        client.write_all(b"hola").await.unwrap();
        at_target.read_exact(&mut [0; 4]).await.unwrap();
        drop((client, at_target));
        viewer.without_streams().await;
    }
}

#[tokio::test]
async fn a_classic_session_shows_and_closes_its_streams_too() {
    let target = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let at = target.local_addr().unwrap();
    let (address, [entry, exit]) = classic(at).await;
    let (mut client, mut at_target) = greeted(address, &target).await;
    let (here, there) = (entry.view(Detail::Streams).await, exit.view(Detail::Streams).await);
    let ([one], [two]) = (link(&here).1, link(&there).1) else { panic!("one stream each") };
    assert_eq!(one.client, client.local_addr().unwrap().to_string());
    let proxy1 = SocketAddr::from(([127, 0, 0, 1], here.links[0].local_port.unwrap()));
    assert_eq!((&two.client, &two.target), (&proxy1.to_string(), &at.to_string()));
    assert_eq!([one.sent_bytes, one.received_bytes, two.sent_bytes, two.received_bytes], [4, 5, 5, 4]);
    assert_eq!((one.classic_id, one.state), (two.classic_id, StreamState::Open));
    assert!(exit.viewer().close(ItemId { link: 1, stream: Some(two.id) }).await);
    assert!(is_reset(&mut at_target).await);
    assert_eq!(client.read(&mut [0; 4]).await.unwrap(), 0, "an X is a FIN for the client");
    exit.viewer().drain(None).await;
    entry.viewer().drain(None).await;
    exit.viewer().without_streams().await;
    assert!(TcpStream::connect(address).await.is_err());
}
