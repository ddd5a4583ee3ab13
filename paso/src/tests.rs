//! What a program sees of the library. What links and streams do in every situation is tested in `tunnel` and `tests`.

use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;

use super::*;

// The examples are what people copy: they run here.
#[path = "../examples/copy_file.rs"]
#[expect(dead_code, reason = "its main is not called here")]
mod copy_file;
#[path = "../examples/echo.rs"]
#[expect(dead_code, reason = "its main is not called here")]
mod echo_example;
#[path = "../examples/http.rs"]
#[expect(dead_code, reason = "its main is not called here")]
mod http;
#[cfg(feature = "testing")]
#[path = "../examples/proxy_command.rs"]
#[expect(dead_code, reason = "its main is not called here")]
mod proxy_command;
#[path = "../examples/web_service.rs"]
#[expect(dead_code, reason = "its main is not called here")]
mod web_service;

#[tokio::test]
async fn the_examples_do_what_they_say() {
    assert_eq!(echo_example::echo("hola").await.unwrap(), "hola");
    assert_eq!(http::from_this_process("/hola").await.unwrap(), "you asked for /hola");
    assert_eq!(web_service::in_this_process().await.unwrap(), "hello from behind a NAT");
    let folder = std::env::temp_dir().join(format!("paso-copy-{}", std::process::id()));
    std::fs::create_dir_all(&folder).unwrap();
    let (from, to) = (folder.join("from"), folder.join("to"));
    let bytes: Vec<u8> = (0..2_000_000_u32).map(|i| i.to_le_bytes()[1]).collect();
    std::fs::write(&from, &bytes).unwrap();
    assert_eq!(copy_file::copy(&from, &to).await.unwrap(), 2_000_000);
    assert!(std::fs::read(&to).unwrap() == bytes);
    std::fs::remove_dir_all(&folder).unwrap();
}

/// An exit that runs until the test ends, and a ticket of it called `one`.
async fn exit(allow: Allow) -> (String, State, Ticket) {
    let state = State::in_memory();
    let ticket = state.ticket("one").unwrap();
    let exit = Exit::bind("127.0.0.1:0", &state, allow).await.unwrap();
    let address = exit.address().to_string();
    tokio::spawn(exit.run(std::future::pending()));
    (address, state, ticket)
}

#[tokio::test]
async fn each_failure_has_its_error() {
    let closed = TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap().to_string();
    let allow = Allow::nothing().and(&closed).unwrap().and("no-such-name.invalid:80").unwrap();
    let (address, state, ticket) = exit(allow).await;
    let link = Link::join(&address, ticket).await.unwrap();
    assert_eq!(link.open(&closed).await.unwrap_err(), OpenError::Refused);
    assert_eq!(link.open("no-such-name.invalid:80").await.unwrap_err(), OpenError::Unreachable);
    assert_eq!(link.open("192.0.2.1:80").await.unwrap_err(), OpenError::Forbidden);
    assert_eq!(link.open_default().await.unwrap_err(), OpenError::Forbidden);
    for text in ["no port", "udp/127.0.0.1:53", "udp/@dns", "ctl/1", "for/1"] {
        assert!(matches!(link.open(text).await, Err(OpenError::Destination(_))), "{text}");
    }
    state.revoke("one").unwrap();
    let refused = |status: &LinkStatus| matches!(status, LinkStatus::Refused(_));
    link.status().wait_for(refused).await.unwrap();
    assert_eq!(link.open(&closed).await.unwrap_err(), OpenError::TicketRefused);
    let clone = link.clone();
    link.close().await.unwrap();
    assert_eq!(clone.open(&closed).await.unwrap_err(), OpenError::Closed);
}

#[tokio::test]
async fn a_ticket_has_rules_of_its_own_and_streams_end_when_they_do() {
    let server = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let target = server.local_addr().unwrap().to_string();
    let other = TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap().to_string();
    let (address, state, ticket) = exit(Allow::target(&target).unwrap()).await;
    let link = Link::join(&address, ticket).await.unwrap();
    let (stream, accepted) = tokio::join!(link.open_default(), server.accept());
    let (mut stream, mut connection) = (stream.unwrap(), accepted.unwrap().0);
    assert_eq!(link.open(&other).await.unwrap_err(), OpenError::Forbidden);
    state.allow("one", &["dial:target", &format!("dial:{other}")]).unwrap();
    // The link hears of it before it hears of what is opened afterwards.
    assert_eq!(link.open(&other).await.unwrap_err(), OpenError::Refused);
    stream.write_all(b"still there").await.unwrap();
    connection.read_exact(&mut [0; 11]).await.unwrap();
    state.allow("one", &[&*format!("dial:{other}")]).unwrap();
    let error = stream.read(&mut [0]).await.unwrap_err();
    assert_eq!(reset_code(&error), Some(ResetCode::Forbidden));
    let error = connection.read(&mut [0]).await.unwrap_err();
    assert_eq!(error.kind(), std::io::ErrorKind::ConnectionReset, "the target is told");
    assert_eq!(link.open_default().await.unwrap_err(), OpenError::Forbidden);
    assert!(matches!(state.allow("one", &["dial:x"]), Err(AllowError::Rule(_))));
    assert!(matches!(state.allow("two", &[]), Err(AllowError::State(StateError::NoSuchName(_)))));
}

#[tokio::test]
async fn a_name_does_not_lead_where_no_rule_does() {
    let server = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = server.local_addr().unwrap().port();
    let (address, state, ticket) = exit(Allow::nothing().rule("dial:*:*").unwrap()).await;
    let link = Link::join(&address, ticket).await.unwrap();
    for host in ["127.0.0.1", "localhost", "LocalHost.", "[::1]", "[::ffff:127.0.0.1]", "0.0.0.0", "[::]"] {
        let error = link.open(&format!("{host}:{port}")).await.unwrap_err();
        assert_eq!(error, OpenError::Forbidden, "{host}");
    }
    state.allow("one", &[&*format!("dial:localhost:{port}")]).unwrap();
    link.open(&format!("localhost:{port}")).await.unwrap();
    link.open(&format!("127.0.0.1:{port}")).await.unwrap();
}

#[tokio::test]
async fn joining_fails_with_a_reason() {
    let (address, state, ticket) = exit(Allow::nothing()).await;
    state.revoke("one").unwrap();
    let error = Link::join(&address, ticket).await.unwrap_err().to_string();
    assert!(error.contains("revoked"), "{error}");
    // A ticket of another exit: this one is silent.
    let stranger = State::in_memory().ticket("one").unwrap();
    let options = LinkOptions::new(stranger.clone()).at(&address).unwrap();
    let error = options.join_within(Duration::from_millis(300)).join().await.unwrap_err();
    assert!(matches!(error, JoinError::NoAnswer(_)), "{error}");
    assert!(matches!(Link::join("nowhere", stranger).await, Err(JoinError::Place(_))));
    assert!(matches!(state.ticket("one"), Err(NewTicketError::State(StateError::NameRevoked(_)))));
    assert!(matches!(state.ticket("a name"), Err(NewTicketError::Name(_))));
    let error = Exit::bind("no port", &state, Allow::nothing()).await.unwrap_err().to_string();
    assert!(error.contains("no port"), "{error}");
}

#[tokio::test]
async fn a_link_ends_with_its_last_clone() {
    let server = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let target = server.local_addr().unwrap().to_string();
    let (address, _state, ticket) = exit(Allow::target(&target).unwrap()).await;
    let link = Link::join(&address, ticket).await.unwrap();
    let (stream, accepted) = tokio::join!(link.open_default(), server.accept());
    let (mut stream, mut connection) = (stream.unwrap(), accepted.unwrap().0);
    let clone = link.clone();
    drop(link);
    stream.write_all(b"still there").await.unwrap();
    connection.read_exact(&mut [0; 11]).await.unwrap();
    drop(clone);
    let error = stream.read(&mut [0]).await.unwrap_err();
    assert_eq!(reset_code(&error), Some(ResetCode::Reset));
    let error = connection.read(&mut [0]).await.unwrap_err();
    assert_eq!(error.kind(), std::io::ErrorKind::ConnectionReset, "the target is told");
}

#[tokio::test]
async fn a_forward_is_served_beside_the_streams() {
    let server = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let target = server.local_addr().unwrap().to_string();
    tokio::spawn(::echo::serve(server, std::future::pending()));
    let (address, _state, ticket) = exit(Allow::target(&target).unwrap()).await;
    let link = Link::join(&address, ticket).await.unwrap();
    let forward = Forward::to(Listen::loopback(0), target.parse::<Destination>().unwrap());
    let bound = link.forward(&forward).await.unwrap();
    let mut client = tokio::net::TcpStream::connect(bound.tcp().unwrap()).await.unwrap();
    client.write_all(b"hola").await.unwrap();
    let mut answer = [0; 4];
    client.read_exact(&mut answer).await.unwrap();
    assert_eq!(&answer, b"hola");
    assert!(link.stop_forward(&bound).await.unwrap());
}

#[test]
fn a_folder_is_made_when_it_is_first_used() {
    let path = std::env::temp_dir().join(format!("paso-state-{}", std::process::id()));
    let state = State::folder(&path);
    let ticket = state.ticket("laptop").unwrap();
    assert!(path.join("server.key").exists());
    assert!(!format!("{state:?} {ticket:?}").contains(ticket.to_text().as_str()), "no secret is shown");
    state.revoke("laptop").unwrap();
    assert!(matches!(state.revoke("phone"), Err(NewTicketError::State(StateError::NoSuchName(_)))));
    std::fs::remove_dir_all(&path).unwrap();
}

#[cfg(feature = "testing")]
mod over_a_bad_network {
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
                while names.next().await.is_some() {}
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
}
