//! Flows of datagrams through pairs in one process.

use std::collections::BTreeSet;
use std::time::Duration;

use tokio::net::UdpSocket;
use tokio::sync::watch;
use tokio::time::timeout;

use super::*;
use crate::address::Listen;
use crate::rules::Rules;
use crate::settings::{
    Allow, ClientSettings, Destination, Forward, ListenOn, Sealed, ServerSettings, TicketSource,
};
use crate::state::MemoryState;

/// How long something may take that a test waits for.
const PATIENCE: Duration = Duration::from_secs(10);

struct Pair {
    /// Where clients send their datagrams.
    address: SocketAddr,
    entry: watch::Receiver<Counters>,
    exit: watch::Receiver<Counters>,
    running: [Handle; 2],
}

impl Pair {
    /// proxy1, which takes datagrams for `target`, and proxy2, which allows them; both run until the test ends.
    async fn start(target: SocketAddr, idle: Duration) -> Self {
        Self::start_with(target, &format!("dial:{target}/udp"), idle).await
    }

    async fn start_with(target: SocketAddr, rules: &str, idle: Duration) -> Self {
        let state = MemoryState::new();
        let ticket = state.add_ticket("one".parse().unwrap()).unwrap();
        let link = Sealed { udp_idle: idle, ..Sealed::default() };
        let allow = Allow { target: None, rules: Rules::parse(rules.split_whitespace()).unwrap() };
        let exit = ServerSettings::new(Listen::loopback(0), (&state).into(), allow);
        let exit = Session::bind(ServerSettings { link: link.clone(), ..exit }).await.unwrap();
        let ticket = TicketSource::Given(ticket);
        let entry = ClientSettings::new(ticket, vec![exit.udp_addresses()[0].into()]);
        let entry = ClientSettings { link, ..entry }.forward(forward(target));
        let entry = Session::bind(entry).await.unwrap();
        let address = entry.listening()[0].udp().unwrap();
        let (entry_counters, exit_counters) = (entry.counters(), exit.counters());
        Self { address, entry: entry_counters, exit: exit_counters, running: [entry.run(), exit.run()] }
    }

    fn link(&self) -> &LinkHandle {
        self.running[0].link().unwrap()
    }

    async fn client(&self) -> UdpSocket {
        let socket = UdpSocket::bind("127.0.0.1:0").await.unwrap();
        socket.connect(self.address).await.unwrap();
        socket
    }

    async fn both_have(&mut self, what: &str, condition: impl Fn(&Counters) -> bool) {
        for (name, counters) in [("proxy1", &mut self.entry), ("proxy2", &mut self.exit)] {
            let reached = timeout(PATIENCE, counters.wait_for(&condition)).await.is_ok();
            assert!(reached, "never at {name}: {what}: {:?}", *counters.borrow());
        }
    }
}

fn forward(target: SocketAddr) -> Forward {
    let to: Destination = format!("udp/{target}").parse().unwrap();
    Forward::to(ListenOn::Udp(Listen::loopback(0)), to)
}

/// Sends back each datagram to where it came from.
async fn echo() -> SocketAddr {
    let socket = UdpSocket::bind("127.0.0.1:0").await.unwrap();
    let address = socket.local_addr().unwrap();
    tokio::spawn(async move {
        let mut buffer = vec![0; 65_536];
        loop {
            // An error is about a client that has gone.
            if let Ok((length, from)) = socket.recv_from(&mut buffer).await {
                let _ = socket.send_to(&buffer[..length], from).await;
            }
        }
    });
    address
}

async fn answer(socket: &UdpSocket) -> Vec<u8> {
    let mut buffer = vec![0; 65_536];
    let length = timeout(PATIENCE, socket.recv(&mut buffer)).await.expect("an answer comes").unwrap();
    buffer.truncate(length);
    buffer
}

fn bytes(length: usize) -> Vec<u8> {
    (0..length).map(|i| i.to_le_bytes()[0] ^ i.to_le_bytes()[1]).collect()
}

const MINUTE: Duration = Duration::from_secs(60);

#[tokio::test]
async fn datagrams_of_every_size_come_back_as_they_were() {
    let pair = Pair::start(echo().await, MINUTE).await;
    let client = pair.client().await;
    for length in [1, 0, 2, 1_000, 1_200, 1_452, 8_900, 9_000, 65_000, MAX_DATAGRAM, 3] {
        let datagram = bytes(length);
        client.send(&datagram).await.unwrap();
        assert!(answer(&client).await == datagram, "{length} bytes");
    }
}

#[tokio::test]
async fn many_clients_at_once_do_not_mix() {
    let mut pair = Pair::start(echo().await, MINUTE).await;
    let mut clients = JoinSet::new();
    for number in 0..100_u32 {
        let client = pair.client().await;
        clients.spawn(async move {
            for round in 0..20_u32 {
                let datagram = [number.to_be_bytes(), round.to_be_bytes()].concat();
                client.send(&datagram).await.unwrap();
                assert_eq!(answer(&client).await, datagram);
            }
        });
    }
    while let Some(done) = clients.join_next().await {
        done.unwrap();
    }
    pair.both_have("100 flows", |now| now.flows == 100 && now.flows_begun == 100).await;
    pair.both_have("2,000 datagrams", |now| {
        now.flow_datagrams_sent + now.flow_datagrams_framed == 2_000 && now.flow_datagrams_received == 2_000
    })
    .await;
}

#[tokio::test]
async fn a_flow_that_carries_nothing_is_over_in_order_at_both_ends() {
    let mut pair = Pair::start(echo().await, Duration::from_millis(200)).await;
    let client = pair.client().await;
    for _ in 0..2 {
        client.send(b"hola").await.unwrap();
        assert_eq!(answer(&client).await, b"hola");
        pair.both_have("no flow", |now| now.flows == 0 && now.streams == 0).await;
    }
    pair.both_have("two ends", |now| now.streams_finished == 2 && now.streams_idle == 0).await;
    assert_eq!(pair.entry.borrow().flows_expired, 2, "the end that opens a flow ends it");
    assert_eq!(pair.exit.borrow().flows_expired, 0);
}

#[tokio::test]
async fn more_clients_than_there_may_be_take_no_place_of_one_that_is_busy() {
    let mut pair = Pair::start(echo().await, MINUTE).await;
    let mut clients = Vec::new();
    for number in 0..1_024_u32 {
        let client = pair.client().await;
        client.send(&number.to_be_bytes()).await.unwrap();
        assert_eq!(answer(&client).await, number.to_be_bytes());
        clients.push(client);
    }
    let late = pair.client().await;
    late.send(b"too many").await.unwrap();
    timeout(PATIENCE, pair.entry.wait_for(|now| now.flow_datagrams_no_flow == 1)).await.unwrap().unwrap();
    clients[0].send(b"still there").await.unwrap();
    assert_eq!(answer(&clients[0]).await, b"still there");
    assert_eq!((pair.entry.borrow().flows, pair.entry.borrow().flows_evicted), (1_024, 0));
}

#[tokio::test]
async fn a_target_that_nobody_listens_at_ends_no_flow() {
    let socket = UdpSocket::bind("127.0.0.1:0").await.unwrap();
    let target = socket.local_addr().unwrap();
    drop(socket);
    let mut pair = Pair::start(target, MINUTE).await;
    let client = pair.client().await;
    // What one datagram has met is told with the next.
    let told = async {
        loop {
            client.send(b"is anybody there?").await.unwrap();
            let mut exit = pair.exit.clone();
            let told = exit.wait_for(|now| now.flow_datagrams_unreachable > 0);
            if timeout(Duration::from_millis(100), told).await.is_ok() {
                return;
            }
        }
    };
    timeout(PATIENCE, told).await.expect("the exit learns that nobody is there");
    // It starts, as a name server does after an update: the same flow goes on.
    let socket = UdpSocket::bind(target).await.unwrap();
    client.send(b"and now?").await.unwrap();
    let mut buffer = [0; 64];
    let from = loop {
        let (length, from) = timeout(PATIENCE, socket.recv_from(&mut buffer)).await.unwrap().unwrap();
        if &buffer[..length] == b"and now?" {
            break from;
        }
    };
    socket.send_to(b"yes", from).await.unwrap();
    assert_eq!(answer(&client).await, b"yes");
    pair.both_have("one flow", |now| now.flows == 1 && now.flows_begun == 1).await;
}

#[tokio::test]
async fn what_the_rules_do_not_allow_has_no_flow_and_costs_one_stream_a_second() {
    let target = echo().await;
    let mut pair = Pair::start_with(target, "dial:192.0.2.1:53/udp", MINUTE).await;
    let client = pair.client().await;
    client.send(b"x").await.unwrap();
    pair.both_have("a refusal", |now| now.streams_forbidden == 1 && now.flows == 0).await;
    for _ in 0..50 {
        client.send(b"x").await.unwrap();
    }
    timeout(PATIENCE, pair.entry.wait_for(|now| now.flow_datagrams_no_flow >= 50)).await.unwrap().unwrap();
    // And the one that asks proxy2, once, why that is so.
    assert!(pair.entry.borrow().streams_begun <= 2);
    let denied = pair.link().open_flow(&format!("udp/{target}").parse().unwrap()).await.unwrap_err();
    assert_eq!(denied, NotOpened::Reset(ResetCode::Forbidden));
}

#[tokio::test]
async fn no_flow_leads_to_where_proxy2_takes_its_own_datagrams() {
    let mut pair = Pair::start_with(echo().await, "dial:127.0.0.1:*/udp", MINUTE).await;
    let own = pair.running[1].udp_addresses()[0];
    let denied = pair.link().open_flow(&format!("udp/{own}").parse().unwrap()).await.unwrap_err();
    assert_eq!(denied, NotOpened::Reset(ResetCode::Forbidden));
    pair.both_have("a refusal", |now| now.streams_forbidden == 1).await;
}

#[tokio::test]
async fn this_process_opens_flows_by_itself() {
    let target = echo().await;
    let mut pair = Pair::start(target, MINUTE).await;
    let to: Destination = format!("udp/{target}").parse().unwrap();
    let (one, other) = (pair.link().open_flow(&to).await.unwrap(), pair.link().open_flow(&to).await.unwrap());
    for length in [0, 1, 9_000, 65_000] {
        one.send(&bytes(length)).await.unwrap();
        other.send(b"other").await.unwrap();
        assert!(timeout(PATIENCE, one.recv()).await.unwrap().unwrap() == bytes(length), "{length} bytes");
        assert_eq!(timeout(PATIENCE, other.recv()).await.unwrap().unwrap(), b"other");
    }
    drop((one, other));
    pair.both_have("no flow", |now| now.flows == 0 && now.streams == 0).await;
    let streams = pair.link().open_flow(&target.to_string().parse().unwrap()).await.unwrap_err();
    assert_eq!(streams, NotOpened::Reset(ResetCode::Forbidden), "it takes bytes");
}

#[tokio::test]
async fn a_forward_that_is_removed_ends_its_flows_and_frees_its_port() {
    let target = echo().await;
    let mut pair = Pair::start(target, MINUTE).await;
    let bound = pair.link().add(&forward(target)).await.unwrap();
    let client = UdpSocket::bind("127.0.0.1:0").await.unwrap();
    client.connect(bound.udp().unwrap()).await.unwrap();
    client.send(b"hola").await.unwrap();
    assert_eq!(answer(&client).await, b"hola");
    assert!(pair.link().remove(&bound).await.unwrap());
    pair.both_have("no flow", |now| now.flows_begun == 1 && now.flows == 0).await;
    let again = Forward { listen: ListenOn::Udp(bound.udp().unwrap().into()), ..forward(target) };
    assert_eq!(pair.link().add(&again).await.unwrap(), bound);
}

#[tokio::test]
async fn datagrams_are_not_carried_as_bytes() {
    let pair = Pair::start(echo().await, MINUTE).await;
    let error = |listen, to: &str| {
        let (link, to) = (pair.link().clone(), to.parse::<Destination>().unwrap());
        async move { link.add(&Forward::to(listen, to)).await.unwrap_err().to_string() }
    };
    let udp = error(ListenOn::Udp(Listen::loopback(0)), "127.0.0.1:9").await;
    assert!(udp.contains("put /udp behind the target"), "{udp}");
    let tcp = error(ListenOn::Tcp(Listen::loopback(0)), "udp/127.0.0.1:9").await;
    assert!(tcp.contains("takes no datagrams"), "{tcp}");
}

#[tokio::test]
async fn a_proxy2_that_goes_away_leaves_no_flow() {
    let mut pair = Pair::start(echo().await, MINUTE).await;
    let client = pair.client().await;
    client.send(b"hola").await.unwrap();
    assert_eq!(answer(&client).await, b"hola");
    let [_entry, exit] = pair.running;
    exit.close().await.unwrap();
    timeout(PATIENCE, pair.entry.wait_for(|now| now.flows == 0 && now.streams == 0)).await.unwrap().unwrap();
}

#[tokio::test]
async fn each_datagram_of_a_burst_comes_once() {
    let pair = Pair::start(echo().await, MINUTE).await;
    let client = pair.client().await;
    let mut seen = BTreeSet::new();
    for burst in 0..10_u32 {
        for number in 0..20_u32 {
            client.send(&[burst.to_be_bytes(), number.to_be_bytes()].concat()).await.unwrap();
        }
        for _ in 0..20 {
            assert!(seen.insert(answer(&client).await), "one came twice");
        }
    }
    assert_eq!(seen.len(), 200);
}
