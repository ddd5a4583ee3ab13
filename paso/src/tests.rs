//! What a program sees of the library. What links and streams do in every situation is tested in `tunnel` and `tests`.

use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;

use super::*;

#[cfg(feature = "testing")]
mod over_a_bad_network;

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

#[test]
fn a_ticket_is_read_from_a_file_and_from_the_state_folder() {
    let folder = std::env::temp_dir().join(format!("paso-ticket-{}", std::process::id()));
    let state = State::folder(&folder);
    let ticket = state.ticket("one").unwrap();
    let file = folder.join("ticket of one");
    std::fs::write(&file, ticket.to_text().as_str()).unwrap();
    let none = folder.join("none");
    let missing = Ticket::from_file(&none).unwrap_err().to_string();
    assert!(missing.contains(&none.display().to_string()), "{missing}");
    assert!(Ticket::from_file(&file).unwrap() == ticket);
    assert!(Ticket::of_this_machine(Some(&none)).is_err());
    std::fs::remove_dir_all(&folder).unwrap();
}
