//! What stands at proxy1's side of a forward.

use std::net::Ipv4Addr;

use tokio::io::AsyncReadExt;
use tokio::net::{TcpListener, TcpStream};

use super::*;
use crate::address::Listen;
use crate::settings::{
    Allow, CarryTo, ClientSettings, Destination, Forward, ListenOn, ProxyProtocol, ServerSettings,
    TicketSource,
};
use crate::state::MemoryState;

/// proxy2 in front of `target`, and proxy1 with these forwards.
async fn pair(target: SocketAddr, forwards: Vec<Forward>) -> (Session, Handle) {
    let memory = MemoryState::new();
    let ticket = TicketSource::Given(memory.add_ticket("one".parse().unwrap()).unwrap());
    let exit = ServerSettings::new(Listen::loopback(0), (&memory).into(), Allow::only(target.into()));
    let exit = Session::bind(exit).await.unwrap();
    let mut entry = ClientSettings::new(ticket, vec![exit.udp_addresses()[0].into()]);
    entry.forwards = forwards;
    (Session::bind(entry).await.unwrap(), exit.run())
}

fn own(listen: impl Into<ListenOn>) -> Forward {
    let to = CarryTo::Destination(Destination::Own);
    Forward { listen: listen.into(), to, proxy_protocol: None }
}

#[tokio::test]
async fn a_target_is_told_its_client_before_the_first_byte() {
    let target = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let forward = Forward { proxy_protocol: Some(ProxyProtocol::V1), ..own(Listen::loopback(0)) };
    let (entry, _exit) = pair(target.local_addr().unwrap(), vec![forward]).await;
    let at = entry.listening()[0].tcp().unwrap();
    let _running = entry.run();
    let client = TcpStream::connect(at).await.unwrap();
    let (mut connection, _) = target.accept().await.unwrap();
    let from = client.local_addr().unwrap();
    // The client need not have said anything.
    let header = format!("PROXY TCP4 {} {} {} {}\r\n", from.ip(), at.ip(), from.port(), at.port());
    let mut bytes = vec![0; header.len()];
    connection.read_exact(&mut bytes).await.unwrap();
    assert_eq!(String::from_utf8(bytes).unwrap(), header);
    // Then come its own bytes.
    client.try_write(b"hola").unwrap();
    let mut bytes = [0; 4];
    connection.read_exact(&mut bytes).await.unwrap();
    assert_eq!(&bytes, b"hola");
}

#[tokio::test]
async fn all_interfaces_are_those_of_both_families() {
    let target = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let forwards = crate::settings::spelling::local(":0").unwrap();
    let (entry, _exit) = pair(target.local_addr().unwrap(), forwards).await;
    let port = entry.listening()[0].tcp().unwrap().port();
    let _running = entry.run();
    TcpStream::connect((Ipv4Addr::LOCALHOST, port)).await.unwrap();
    target.accept().await.unwrap();
}

#[cfg(unix)]
#[tokio::test]
async fn the_file_of_a_unix_socket_goes_with_its_forward_unless_it_is_anothers() {
    let folder = std::env::temp_dir().join(format!("paso-forward-{}", std::process::id()));
    std::fs::create_dir_all(&folder).unwrap();
    let paths = ["removed", "ended", "replaced"].map(|name| folder.join(name));
    let forwards = paths.iter().map(|path| own(ListenOn::Unix(path.clone()))).collect();
    let (entry, _exit) = pair("127.0.0.1:9".parse().unwrap(), forwards).await;
    let running = entry.run();
    assert!(paths.iter().all(|path| path.exists()));
    running.link().unwrap().remove(&Bound::Unix(paths[0].clone())).await.unwrap();
    assert!(!paths[0].exists() && paths[1].exists());
    std::fs::remove_file(&paths[2]).unwrap();
    std::fs::write(&paths[2], "mine").unwrap();
    running.close().await.unwrap();
    assert!(!paths[1].exists());
    assert_eq!(std::fs::read_to_string(&paths[2]).unwrap(), "mine");
    std::fs::remove_dir_all(&folder).unwrap();
}

#[tokio::test]
async fn many_forwards_are_there_at_once_and_each_carries_its_clients() {
    let target = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let forwards = vec![own(Listen::loopback(0)); 100];
    let (entry, _exit) = pair(target.local_addr().unwrap(), forwards).await;
    let places: Vec<_> = entry.listening().iter().filter_map(Bound::tcp).collect();
    let _running = entry.run();
    for at in places {
        let _client = TcpStream::connect(at).await.unwrap();
        target.accept().await.unwrap();
    }
}
