//! One control stream, against a peer that means no good. The test is the link.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use proto::sealed::wire::frame::ResetCode;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::time::{Instant, timeout};

use super::*;
use crate::control::server::{Attempts, Exchange};
use crate::link::sealed::{LinkRequest, Presence, RequestReceiver, TicketResources, requests};
use crate::local::dial::{DialError, DialSettings, OwnTarget};
use crate::local::listeners::Listeners;
use crate::local::pipe::{RelayMemory, pipe};
use crate::local::udp::SeenAddress;
use crate::metrics::Registry;
use crate::names::{ChangeKind, Names};
use crate::rules::Rules;
use crate::settings::ReverseTo;

/// Longer than anything takes on a machine that is busy.
const LONG: Duration = Duration::from_secs(20);

/// proxy2, with one link that has a control stream.
struct Server {
    exchange: Exchange,
    ticket: Arc<TicketResources>,
    /// Whether the peer is there.
    presence: Arc<Presence>,
    /// What the link is asked for.
    link: RequestReceiver,
    /// The peer's end of the control stream, without the link between.
    peer: PipeStream,
}

impl Server {
    fn new(rules: &str) -> Self {
        let exchange = Exchange {
            names: Names::new(),
            listeners: Listeners::default(),
            memory: RelayMemory::new(1 << 20),
            dialling: DialSettings { limit: LONG, keepalive: Default::default(), own_udp: Arc::default() },
            counters: Registry::default().of_process().into(),
        };
        let ticket = Arc::new(TicketResources::alone("laptop", parsed(rules)));
        let (requests, link) = requests();
        let presence = Arc::<Presence>::default();
        let port = LinkPort::new(
            exchange.clone(),
            Arc::clone(&ticket),
            requests,
            Arc::clone(&presence),
            SeenAddress::new(([192, 0, 2, 1], 9).into()),
        );
        let (end, stream) = pipe();
        let (near, peer) = pipe();
        tokio::spawn(crate::local::relay::relay(end.into(), near.into(), Vec::new()));
        tokio::spawn(Session::new(port).serve(stream));
        Self { exchange, ticket, presence, link, peer }
    }

    async fn ask(&mut self, line: &str) {
        self.peer.write_all(format!("{line}\n").as_bytes()).await.unwrap();
    }

    async fn answer(&mut self) -> String {
        let mut line = Vec::new();
        while line.last() != Some(&b'\n') {
            let mut byte = [0];
            self.peer.read_exact(&mut byte).await.unwrap();
            line.extend(byte);
        }
        String::from_utf8(line).unwrap()
    }
}

fn parsed(rules: &str) -> Rules {
    Rules::parse(rules.split_whitespace()).unwrap()
}

async fn is_gone(watch: &mut NameWatch) {
    assert_eq!(next(watch).await, ChangeKind::Gone);
}

async fn next(watch: &mut NameWatch) -> ChangeKind {
    let change = timeout(LONG, poll_fn(|cx| watch.poll_next(cx))).await.expect("nothing changes");
    change.unwrap().kind
}

#[tokio::test]
async fn who_watches_says_so_to_those_who_publish_already() {
    let mut server = Server::new("publish:files use:files");
    server.ask(r#"{"n":1,"do":"publish","id":1,"name":"files"}"#).await;
    assert_eq!(server.answer().await, "{\"n\":1}\n");
    let mut state = server.presence.watch();
    assert!(!state.borrow().is_watched(Instant::now()));
    server.ask(r#"{"n":2,"do":"watch","glob":"f*"}"#).await;
    assert_eq!(server.answer().await, "{\"n\":2}\n");
    let watched = state.wait_for(|state| state.is_watched(Instant::now()));
    timeout(LONG, watched).await.expect("nobody says so").unwrap();
}

#[tokio::test]
async fn a_peer_that_is_silent_is_told_to_be_gone_and_to_be_back_when_it_is_heard() {
    let mut server = Server::new("publish:files");
    server.ask(r#"{"n":1,"do":"publish","id":1,"name":"files"}"#).await;
    assert_eq!(server.answer().await, "{\"n\":1}\n");
    let mut watch = server.exchange.names.watch("files".parse().unwrap(), "other", |_| true).unwrap();
    server.presence.settle(true);
    assert_eq!(next(&mut watch).await, ChangeKind::Gone);
    server.presence.settle(false);
    assert_eq!(next(&mut watch).await, ChangeKind::Appeared);
}

#[tokio::test]
async fn a_peer_that_breaks_the_rules_and_does_not_read_keeps_nothing() {
    let mut server = Server::new("publish:files");
    server.ask(r#"{"n":1,"do":"publish","id":1,"name":"files"}"#).await;
    assert_eq!(server.answer().await, "{\"n\":1}\n");
    let mut watch = server.exchange.names.watch("files".parse().unwrap(), "other", |_| true).unwrap();
    let request = format!(r#"{{"n":2,"do":"why","destination":"{}:80"}}"#, "x.".repeat(120));
    server.ask(&request).await;
    let length = server.answer().await.len();
    // Answers that nobody reads: two pipes are full, and something waits still.
    for _ in 0..(186 << 10) / length {
        server.ask(&request).await;
    }
    server.ask("no request").await;
    is_gone(&mut watch).await;
}

#[tokio::test]
async fn a_ticket_that_asks_without_end_still_loses_what_it_may_not_have() {
    let mut server = Server::new("publish:files");
    server.ask(r#"{"n":1,"do":"publish","id":1,"name":"files"}"#).await;
    assert_eq!(server.answer().await, "{\"n\":1}\n");
    let mut watch = server.exchange.names.watch("files".parse().unwrap(), "other", |_| true).unwrap();
    // Other streams of the ticket take each turn to ask.
    server.ticket.use_up();
    server.ask(r#"{"n":2,"do":"whoami"}"#).await;
    yield_now().await;
    server.ticket.set_rules(parsed("use:x"));
    is_gone(&mut watch).await;
    assert!(timeout(LONG, server.answer()).await.unwrap().contains("\"lost\""));
}

#[tokio::test]
async fn a_ticket_that_listens_again_and_again_does_not_fill_the_log() {
    let mut server = Server::new("listen:127.0.0.1:*");
    for _ in 0..100 {
        server.ask(r#"{"n":1,"do":"listen","id":1,"at":"127.0.0.1:0"}"#).await;
        assert!(server.answer().await.contains("127.0.0.1:"));
        server.ask(r#"{"n":2,"do":"unlisten","id":1}"#).await;
        while let Some(request) = server.link.recv().await {
            if let LinkRequest::Remove(_, removed) = request {
                removed.send(true).unwrap();
                break;
            }
        }
        assert_eq!(server.answer().await, "{\"n\":2}\n");
    }
    assert!(!matches!(server.ticket.pass_link_line(), Some(None)), "lines are held back");
}

#[tokio::test]
async fn what_could_not_be_allowed_is_not_looked_up_and_an_address_has_one_form() {
    let mut server = Server::new("listen:127.0.0.1:*");
    server.ask(r#"{"n":1,"do":"listen","id":1,"at":"[::ffff:127.0.0.1]:0"}"#).await;
    assert!(server.answer().await.contains("\"127.0.0.1:"));
    server.ticket.set_rules(parsed("listen:127.0.0.1:80 listen:other:81"));
    // The link ends it.
    while let Some(request) = server.link.recv().await {
        if matches!(request, LinkRequest::Remove(..)) {
            break;
        }
    }
    assert!(server.answer().await.contains("\"lost\""));
    server.ask(r#"{"n":2,"do":"listen","id":2,"at":"no-such-name.invalid:81"}"#).await;
    let refused = server.answer().await;
    assert!(refused.contains("\"forbidden\""), "{refused}");
}

#[tokio::test]
async fn a_target_that_proxy2_publishes_takes_ports_of_the_ticket_that_uses_it() {
    let server = Server::new("use:*");
    let service = Service { name: "web".parse().unwrap(), udp: false };
    let target =
        OwnTarget::new(&ReverseTo::Tcp("192.0.2.1:80".parse::<SocketAddr>().unwrap().into())).unwrap();
    let _own = server.exchange.names.publish(service.clone(), None, Reach::Own(target)).unwrap();
    server.ticket.use_up();
    let attempts = Attempts::of(&server.exchange, &server.ticket, None, None);
    let refused = timeout(LONG, attempts.first(&service)).await.unwrap().unwrap_err();
    assert!(matches!(refused, DialError::Publisher(ResetCode::Limit)), "{refused:?}");
}
