//! What a program sees of the library where datagrams are lost and the exit crashes.

use crate::testing::{Way, Weather, pair};

use super::*;

/// What the network decides by chance; any other will do.
const SEED: u64 = 20_261_128;

async fn echo_server() -> String {
    let server = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let target = server.local_addr().unwrap().to_string();
    tokio::spawn(::echo::serve(server, std::future::pending()));
    target
}

#[tokio::test]
async fn nothing_is_lost_and_links_go_on_when_the_exit_has_crashed() {
    let mut pair = pair(SEED).await;
    pair.network().set(Weather::bad(0.1));
    let target = echo_server().await;
    let mut stream = pair.link().open(&target).await.unwrap();
    let sent: Vec<u8> = (0..300_000_u32).map(|i| i.to_le_bytes()[1]).collect();
    let (mut read, mut write) = tokio::io::split(&mut stream);
    let mut echoed = vec![0; sent.len()];
    let (wrote, came) = tokio::join!(write.write_all(&sent), read.read_exact(&mut echoed));
    wrote.unwrap();
    came.unwrap();
    assert!(echoed == sent, "seed {SEED}");
    pair.restart_exit().await;
    let error = stream.read(&mut [0]).await.unwrap_err();
    assert_eq!(reset_code(&error), Some(ResetCode::Reset), "seed {SEED}");
    pair.link().open(&target).await.unwrap();
    pair.join("two").await.open(&target).await.unwrap();
}

#[tokio::test]
async fn a_stream_that_is_asked_for_while_the_exit_restarts_is_opened() {
    let mut pair = pair(SEED).await;
    let target = echo_server().await;
    for _ in 0..3 {
        pair.network().set_blackout(true);
        let link = pair.link().clone();
        let asked = target.clone();
        let opening = tokio::spawn(async move { link.open(&asked).await.map(drop) });
        pair.network().wait_for_datagrams(Way::Up, 1).await;
        pair.restart_exit().await;
        pair.network().set_blackout(false);
        opening.await.unwrap().unwrap();
    }
}

#[tokio::test]
async fn clients_come_to_an_address_of_the_exit_and_to_a_name() {
    let mut pair = pair(SEED).await;
    pair.network().set(Weather::bad(0.05));
    let other = pair.join("two").await;
    let mut by_address = pair.link().listen("0").await.unwrap();
    let mut by_name = pair.link().publish("@Files").await.unwrap();
    for crashed in [false, true] {
        if crashed {
            // Both are asked for again, the address with its port.
            let mut names = pair.link().watch("files").await.unwrap();
            pair.restart_exit().await;
            let why = loop {
                if let Err(why) = names.next().await {
                    break why;
                }
            };
            assert_eq!(why, WatchEnded::Interrupted);
            while by_name_is_absent(&other).await {}
        }
        let address = bound_tcp(&by_address).await;
        let mut client = tokio::net::TcpStream::connect(address).await.unwrap();
        let (mut accepted, caller) = by_address.accept().await.unwrap();
        assert_eq!((caller.ticket, caller.from), (None, Some(client.local_addr().unwrap())));
        client.write_all(b"x").await.unwrap();
        accepted.read_exact(&mut [0]).await.unwrap();
        let (opened, accepted) = tokio::join!(other.open("@files"), by_name.accept());
        let (mut opened, (mut accepted, caller)) = (opened.unwrap(), accepted.unwrap());
        assert_eq!(caller.ticket.unwrap().as_str(), "two");
        opened.write_all(b"question").await.unwrap();
        opened.shutdown().await.unwrap();
        let mut question = String::new();
        accepted.read_to_string(&mut question).await.unwrap();
        assert_eq!(question, "question", "seed {SEED}");
    }
    pair.link().clone().close().await.unwrap();
    assert_eq!(by_name.accept().await.unwrap_err(), AcceptError::Closed);
    // Its last word may be lost on this network, and is said again.
    while !by_name_is_absent(&other).await {}
    assert_eq!(other.open("@files").await.unwrap_err(), OpenError::Unreachable);
}

#[tokio::test]
async fn who_accepts_is_told_when_the_exit_takes_no_clients_any_more() {
    let pair = pair(SEED).await;
    let mut listener = pair.link().publish("files").await.unwrap();
    // A client that came before is accepted before.
    let other = pair.join("two").await;
    let waits = other.open("@files").await.unwrap();
    pair.state().allow("one", &["use:*"]).unwrap();
    let mut refused = pair.link().counters();
    refused.wait_for(|counters| counters.registrations_lost == 1).await.unwrap();
    assert_eq!(listener.accept().await.unwrap().1.ticket.unwrap().as_str(), "two");
    drop(waits);
    let Err(AcceptError::Refused(why)) = listener.accept().await else { panic!("no rule allows it") };
    assert!(why.contains("files"), "{why}");
    // It is told once, and goes on where the rule is given back: the exit is asked again after ten seconds.
    pair.state().allow("one", &["publish:files"]).unwrap();
    let (opened, accepted) = tokio::join!(
        async {
            loop {
                if let Ok(opened) = other.open("@files").await {
                    return opened;
                }
                tokio::task::yield_now().await;
            }
        },
        listener.accept()
    );
    drop((opened, accepted.unwrap()));
    // Who waits is told as well as who comes later.
    let (accepted, ()) = tokio::join!(listener.accept(), async {
        tokio::task::yield_now().await;
        pair.state().allow("one", &["use:*"]).unwrap();
    });
    assert!(matches!(accepted, Err(AcceptError::Refused(_))));
}

#[tokio::test]
async fn who_listens_at_an_exit_that_is_away_is_told_so_and_leaves_nothing_behind() {
    let mut pair = pair(SEED).await;
    let ticket = pair.state().ticket("two").unwrap();
    let options = LinkOptions::new(ticket.at(&[&pair.network().address().to_string()]).unwrap());
    let link = options.listen_within(Duration::from_millis(500)).join().await.unwrap();
    pair.network().set_blackout(true);
    let error = link.publish("files").await.unwrap_err();
    assert!(matches!(error, ListenError::NoAnswer(_)), "{error}");
    pair.network().set_blackout(false);
    pair.restart_exit().await;
    // What is asked on the same control stream, behind what may have been left.
    while link.who_am_i().await.is_err() {}
    assert!(link.find("files").await.unwrap().is_empty());
}

#[tokio::test]
async fn a_watch_says_why_it_has_ended() {
    let pair = pair(SEED).await;
    let mut names = pair.link().watch("*").await.unwrap();
    pair.link().clone().close().await.unwrap();
    assert_eq!(names.next().await.unwrap_err(), WatchEnded::Closed(LinkClosed));
}

#[tokio::test]
async fn a_stream_is_finished_when_the_exit_has_everything() {
    let pair = pair(SEED).await;
    pair.network().set(Weather { delay: Duration::from_millis(30), ..Weather::bad(0.2) });
    let server = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let mut stream = pair.link().open(&server.local_addr().unwrap().to_string()).await.unwrap();
    let (mut connection, _) = server.accept().await.unwrap();
    stream.write_all(&[7; 50_000]).await.unwrap();
    stream.finish().await.unwrap();
    // What comes now needs no network any more.
    pair.network().set_blackout(true);
    let mut all = Vec::new();
    connection.read_to_end(&mut all).await.unwrap();
    assert_eq!(all.len(), 50_000, "seed {SEED}");
    // The other direction goes on.
    pair.network().set_blackout(false);
    connection.write_all(b"thanks").await.unwrap();
    stream.read_exact(&mut [0; 6]).await.unwrap();
}

#[tokio::test]
async fn a_stream_that_does_not_arrive_is_not_finished() {
    let mut pair = pair(SEED).await;
    let server = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let mut stream = pair.link().open(&server.local_addr().unwrap().to_string()).await.unwrap();
    pair.network().set_blackout(true);
    stream.write_all(b"lost").await.unwrap();
    let finishing = tokio::spawn(async move { stream.finish().await });
    pair.network().wait_for_probes(Way::Up, 2).await;
    assert!(!finishing.is_finished());
    pair.restart_exit().await;
    pair.network().set_blackout(false);
    let error = finishing.await.unwrap().unwrap_err();
    assert_eq!(reset_code(&error), Some(ResetCode::Reset));
}

#[tokio::test]
async fn what_a_slow_target_has_not_taken_outlives_a_link_that_is_finished() {
    const LENGTH: usize = 20 << 20;
    let pair = pair(SEED).await;
    let server = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let link = pair.join("two").await;
    let mut stream = link.open(&server.local_addr().unwrap().to_string()).await.unwrap();
    let (mut connection, _) = server.accept().await.unwrap();
    connection.shutdown().await.unwrap();
    assert_eq!(stream.read(&mut [0]).await.unwrap(), 0);
    // As much as the exit and the system hold together, so that some of it is still at the exit.
    let (taken, sent) = tokio::join!(
        async {
            let mut first = vec![0; LENGTH / 2];
            connection.read_exact(&mut first).await.unwrap();
            connection
        },
        async {
            stream.write_all(&vec![7; LENGTH]).await.unwrap();
            stream.finish().await.unwrap();
        }
    );
    let ((), mut connection) = (sent, taken);
    drop(stream);
    assert!(link.finish(Duration::from_secs(20)).await.unwrap());
    let mut rest = Vec::new();
    connection.read_to_end(&mut rest).await.unwrap();
    assert_eq!(rest.len(), LENGTH / 2);
}

async fn by_name_is_absent(link: &Link) -> bool {
    // The link may have to find out first that the exit was restarted.
    link.find("files").await.map_or(true, |found| found.is_empty())
}

async fn bound_tcp(listener: &Listener) -> std::net::SocketAddr {
    loop {
        if let Some(at) = listener.bound().and_then(|bound| bound.tcp()) {
            return at;
        }
        tokio::task::yield_now().await;
    }
}

#[tokio::test]
async fn a_link_is_finished_when_the_last_bytes_have_arrived() {
    let pair = pair(SEED).await;
    pair.network().set(Weather { delay: Duration::from_millis(30), ..Weather::bad(0.2) });
    let server = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let link = pair.join("two").await;
    let opened = link.open(&server.local_addr().unwrap().to_string()).await;
    let (mut connection, _) = server.accept().await.unwrap();
    connection.shutdown().await.unwrap();
    let mut stream = opened.unwrap();
    assert_eq!(stream.read(&mut [0]).await.unwrap(), 0);
    stream.write_all(&[7; 50_000]).await.unwrap();
    stream.shutdown().await.unwrap();
    drop(stream);
    assert!(link.finish(Duration::from_secs(20)).await.unwrap(), "seed {SEED}");
    let mut all = Vec::new();
    connection.read_to_end(&mut all).await.unwrap();
    assert_eq!(all.len(), 50_000, "seed {SEED}");
}

#[tokio::test]
async fn what_the_rules_do_not_allow_is_said_with_the_command_that_would() {
    let pair = pair(SEED).await;
    pair.state().allow("one", &["use:files"]).unwrap();
    let refused = |error: ListenError| error.to_string();
    let publishing = refused(pair.link().publish("files").await.unwrap_err());
    assert!(publishing.contains("ticket allow one publish:files"), "{publishing}");
    let listening = refused(pair.link().listen("127.0.0.1:0").await.unwrap_err());
    assert!(listening.contains("ticket one may not listen"), "{listening}");
    assert!(matches!(pair.link().publish("a b").await, Err(ListenError::Name(_))));
    assert!(matches!(pair.link().listen("nowhere").await, Err(ListenError::Address(_))));
    assert_eq!(pair.link().open("db.example:5432").await.unwrap_err(), OpenError::Forbidden);
    let why = pair.link().why_forbidden("db.example:5432").await.unwrap();
    assert!(why.contains("ticket allow one dial:db.example:5432"), "{why}");
    assert_eq!(pair.link().who_am_i().await.unwrap().ticket, "one");
    assert_eq!(std::io::Error::from(OpenError::Forbidden).kind(), std::io::ErrorKind::PermissionDenied);
}

#[tokio::test]
async fn a_proxy_command_carries_its_input_and_output() {
    let pair = pair(SEED).await;
    let ticket = pair.state().ticket("ssh").unwrap();
    let (local, mut user) = tokio::io::duplex(64);
    let exit = pair.network().address().to_string();
    let target = echo_server().await;
    let carried = tokio::spawn(async move { proxy_command::carry(&exit, ticket, &target, local).await });
    user.write_all(b"hola").await.unwrap();
    user.shutdown().await.unwrap();
    let mut answer = String::new();
    user.read_to_string(&mut answer).await.unwrap();
    assert_eq!(answer, "hola");
    carried.await.unwrap().unwrap();
}

#[cfg(unix)]
#[tokio::test]
async fn the_file_of_a_unix_socket_goes_with_its_listener() {
    let path = std::env::temp_dir().join(format!("paso-listener-{}", std::process::id()));
    let pair = pair(SEED).await;
    let path_text = path.to_str().unwrap();
    pair.state().allow("one", &[&*format!("listen:unix:{path_text}")]).unwrap();
    let mut listener = pair.link().listen(path_text).await.unwrap();
    let (client, accepted) = tokio::join!(tokio::net::UnixStream::connect(&path), listener.accept());
    drop((client.unwrap(), accepted.unwrap()));
    drop(listener);
    while path.exists() {
        tokio::task::yield_now().await;
    }
    assert_eq!(*pair.link().status().borrow(), LinkStatus::Up { peer: pair.network().address() });
    let status = pair.link().status();
    pair.link().clone().close().await.unwrap();
    assert_eq!(*status.borrow(), LinkStatus::Closed);
}
