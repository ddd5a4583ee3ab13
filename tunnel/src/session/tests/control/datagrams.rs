//! Names that take datagrams.

use std::time::Instant;

use tokio::net::UdpSocket;

use super::*;
use crate::local::udp::UdpStream;

const ALL: &str = "publish:* use:*";

/// Answers each datagram with `word` and what it was.
async fn echo(word: &'static str) -> SocketAddr {
    let socket = UdpSocket::bind("127.0.0.1:0").await.unwrap();
    let address = socket.local_addr().unwrap();
    tokio::spawn(async move {
        let mut bytes = vec![0; 65_536];
        while let Ok((length, from)) = socket.recv_from(&mut bytes).await {
            socket.send_to(&[word.as_bytes(), &bytes[..length]].concat(), from).await.unwrap();
        }
    });
    address
}

fn published(name: &str, to: SocketAddr) -> Reverse {
    Reverse { at: named(name), to: ReverseTo::Udp(to.into()), proxy_protocol: None }
}

async fn publishes(exit: &Exit, ticket: &str, name: &str, to: SocketAddr) -> Handle {
    let mut publisher = exit.proxy1(&exit.ticket(ticket), vec![published(name, to)]).await;
    within(publisher.ready()).await.unwrap();
    publisher
}

fn datagrams_to(name: &str) -> Destination {
    format!("udp/@{name}").parse().unwrap()
}

async fn open(user: &Handle, name: &str) -> Result<UdpStream, NotOpened> {
    within(user.link().unwrap().open_flow(&datagrams_to(name))).await
}

/// The answer to a datagram, which is sent again until there is one.
async fn answer(flow: &UdpStream, datagram: &[u8]) -> String {
    let asked = async {
        loop {
            flow.send(datagram).await.unwrap();
            if let Ok(answer) = timeout(Duration::from_secs(1), flow.recv()).await {
                return String::from_utf8(answer.unwrap()).unwrap();
            }
        }
    };
    within(asked).await
}

#[tokio::test]
async fn datagrams_of_one_client_reach_what_another_publishes() {
    let exit = Exit::start(ALL).await;
    let _publisher = publishes(&exit, "shed", "dns", echo("dns ").await).await;
    let user = exit.joined("laptop").await;
    let flow = open(&user, "dns").await.unwrap();
    for question in ["", "question", &"x".repeat(20_000)] {
        assert_eq!(answer(&flow, question.as_bytes()).await, format!("dns {question}"));
    }
    // A forward, as users have it.
    let link = user.link().unwrap();
    let forward = Forward::to(ListenOn::Udp(Listen::loopback(0)), datagrams_to("dns"));
    let bound = link.add(&forward).await.unwrap().udp().unwrap();
    let client = UdpSocket::bind("127.0.0.1:0").await.unwrap();
    client.connect(bound).await.unwrap();
    client.send(b"over").await.unwrap();
    let mut bytes = [0; 64];
    let length = within(client.recv(&mut bytes)).await.unwrap();
    assert_eq!(&bytes[..length], b"dns over");
    let found = within(link.find(&"*".parse().unwrap())).await.unwrap();
    let found: Vec<_> = found.iter().map(|one| (one.name.as_str(), one.udp, one.publishers)).collect();
    assert_eq!(found, [("dns", true, 1)]);
}

#[tokio::test]
async fn a_name_takes_streams_or_datagrams_or_each_by_itself() {
    let exit = Exit::start(ALL).await;
    let publisher = publishes(&exit, "shed", "dns", echo("udp ").await).await;
    let user = exit.joined("laptop").await;
    let link = user.link().unwrap();
    let absent = NotOpened::Reset(ResetCode::Unreachable);
    assert_eq!(within(link.open(&service("dns"))).await.unwrap_err(), absent);
    // The same end publishes it for streams, too.
    let streams = reverse(named("dns"), target("tcp ").await);
    within(publisher.link().unwrap().register(&streams)).await.unwrap();
    let stream = within(link.open(&service("dns"))).await.unwrap();
    assert_eq!(within(greeting(stream, 10)).await, "tcp ");
    assert_eq!(answer(&open(&user, "dns").await.unwrap(), b"x").await, "udp x");
    let found = within(link.find(&"dns".parse().unwrap())).await.unwrap();
    assert_eq!(found.iter().map(|one| one.udp).collect::<Vec<_>>(), [false, true]);
    // Of the two only the one that is named ends.
    let datagrams = published("dns", "127.0.0.1:9".parse().unwrap());
    assert!(publisher.link().unwrap().unregister(&datagrams).await.unwrap());
    within(async { while open(&user, "dns").await.is_ok() {} }).await;
    assert_eq!(open(&user, "dns").await.unwrap_err(), absent);
    let stream = within(link.open(&service("dns"))).await.unwrap();
    assert_eq!(within(greeting(stream, 10)).await, "tcp ");
}

#[tokio::test]
async fn publishers_share_new_flows_and_one_that_is_gone_is_passed_over() {
    let exit = Exit::start(ALL).await;
    let first = publishes(&exit, "shed", "dns", echo("a").await).await;
    let second = publishes(&exit, "barn", "dns", echo("b").await).await;
    let user = exit.joined("laptop").await;
    let (mut flows, mut words) = (Vec::new(), String::new());
    for _ in 0..6 {
        let flow = open(&user, "dns").await.unwrap();
        words += &answer(&flow, b"").await;
        flows.push(flow);
    }
    assert_eq!((words.matches('a').count(), words.matches('b').count()), (3, 3), "{words}");
    // One that is silent keeps a flow waiting once.
    first.kill().await;
    let mut times = Vec::new();
    for _ in 0..4 {
        let start = Instant::now();
        let flow = open(&user, "dns").await.unwrap();
        times.push(start.elapsed());
        assert_eq!(answer(&flow, b"").await, "b");
        flows.push(flow);
    }
    times.sort();
    assert!(times[2] < Duration::from_secs(1), "only the first waits: {times:?}");
    // The flows of one that goes in order end with its link.
    second.close().await.unwrap();
    let ended = async { while flows[9].recv().await.is_ok() {} };
    within(ended).await;
}

#[tokio::test]
async fn what_no_rule_allows_carries_no_datagrams_to_a_name() {
    let exit = Exit::start(ALL).await;
    let publisher = publishes(&exit, "shed", "dns", echo("a").await).await;
    let user = exit.joined("laptop").await;
    let flow = open(&user, "dns").await.unwrap();
    let name = "laptop".parse().unwrap();
    exit.memory.set_rules(&name, Some(Rules::none())).unwrap();
    let error = within(flow.recv()).await.unwrap_err();
    assert_eq!(reset_code(&error), Some(ResetCode::Forbidden));
    assert_eq!(open(&user, "dns").await.unwrap_err(), NotOpened::Reset(ResetCode::Forbidden));
    let link = user.link().unwrap();
    let refused = within(link.register(&published("dns", "127.0.0.1:9".parse().unwrap()))).await;
    let refused = refused.unwrap_err().to_string();
    assert!(refused.contains("proxy2 ticket allow laptop publish:dns"), "{refused}");
    // A publisher that may not any more loses the name, and its flows.
    exit.memory.set_rules(&name, Some(Rules::parse(["use:*"]).unwrap())).unwrap();
    let flow = open(&user, "dns").await.unwrap();
    exit.memory.set_rules(&"shed".parse().unwrap(), Some(Rules::none())).unwrap();
    let error = within(flow.recv()).await.unwrap_err();
    assert_eq!(reset_code(&error), Some(ResetCode::Forbidden));
    within(publisher.counters().wait_for(|counters| counters.registrations_lost == 1)).await.unwrap();
}

#[tokio::test]
async fn proxy2_publishes_a_target_of_datagrams_itself() {
    let publish = vec![published("own", echo("own ").await)];
    let memory = MemoryState::new();
    let exit =
        Exit::start_with(memory, Listen::loopback(0), ALL, |settings| settings.publish = publish).await;
    let user = exit.joined("laptop").await;
    assert_eq!(answer(&open(&user, "own").await.unwrap(), b"x").await, "own x");
}
