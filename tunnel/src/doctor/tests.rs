//! Against a proxy2 in this process.

use std::time::{Duration, Instant};

use tokio::sync::watch;

use super::driver::Driver;
use super::flow::CheckFlow;
use super::*;
use crate::address::Listen;
use crate::session::{Handle, Session};
use crate::settings::{Allow, Sealed, ServerSettings, Ticket};
use crate::state::MemoryState;

/// A proxy2 that allows nothing, and a ticket of it.
struct Exit {
    memory: MemoryState,
    ticket: Ticket,
    running: Handle,
}

impl Exit {
    async fn start() -> Self {
        Self::start_with(Sealed::default()).await
    }

    async fn start_with(link: Sealed) -> Self {
        let memory = MemoryState::new();
        let ticket = memory.add_ticket("one".parse().unwrap()).unwrap();
        let settings = ServerSettings::new(Listen::loopback(0), (&memory).into(), Allow::default());
        let running = Session::bind(ServerSettings { link, ..settings }).await.unwrap().run();
        Self { memory, ticket, running }
    }

    fn address(&self) -> SocketAddr {
        self.running.udp_addresses()[0]
    }

    async fn knock(&self) -> Knocked {
        knock(&self.ticket, self.address(), watch::channel(false).0).await
    }

    /// A link that is up.
    async fn driver(&self) -> Driver {
        let Answered::Joined(joined, _) = self.knock().await.answered else { panic!("not let in") };
        joined.driver
    }
}

#[tokio::test]
async fn a_path_is_measured_both_ways() {
    let exit = Exit::start().await;
    let Answered::Joined(mut joined, _) = exit.knock().await.answered else { panic!("not let in") };
    let mut told = Vec::new();
    let measures = joined
        .measure(Plan { load: false, until: Instant::now() + Duration::from_secs(9) }, |what| told.push(what))
        .await
        .unwrap();
    assert_eq!(told, ["measuring delay and loss", "measuring sizes"]);
    // The last of them may still be on their way on a busy machine.
    assert!(measures.there.of > 150 && measures.there.lost() < 0.1, "{measures:?}");
    assert!(measures.back.of > 150 && measures.back.lost() < 0.1, "{measures:?}");
    assert_eq!(measures.packets, (1_472, 1_472), "loopback carries more, but no more is tried");
    assert_eq!((measures.seen, measures.load.len()), (measures.local, 0));
    // One clock; but either end may be held up while it looks at it.
    assert!(measures.clock_ahead.unwrap().abs() < 1_000_000, "{measures:?}");
    joined.close().await;
    let mut counters = exit.running.counters();
    let ended = counters.wait_for(|now| now.links_up == 0 && now.streams == 0);
    let ended = *tokio::time::timeout(Duration::from_secs(10), ended).await.expect("the link ends").unwrap();
    assert_eq!(ended.streams_cut_off, 0, "what was opened was ended in order");
}

#[tokio::test]
async fn an_answer_waits_as_long_as_it_was_asked_to() {
    let exit = Exit::start().await;
    let mut driver = exit.driver().await;
    let mut flow = CheckFlow::open(&mut driver).await.unwrap();
    let (begun, wait) = (Instant::now(), Duration::from_millis(700));
    flow.ask(&mut driver, 64, wait).await;
    flow.take_until(&mut driver, begun + Duration::from_secs(10), 1).await;
    assert!(flow.tally.came() == 1 && begun.elapsed() >= wait, "{:?}", begun.elapsed());
    assert!(flow.tally.round_trips()[0] < wait, "the wait is no part of the round trip");
}

#[tokio::test]
async fn a_link_has_a_bounded_number_of_checks() {
    let exit = Exit::start().await;
    let mut driver = exit.driver().await;
    let mut open = Vec::new();
    for _ in 0..4 {
        open.push(CheckFlow::open(&mut driver).await.unwrap());
    }
    assert_eq!(CheckFlow::open(&mut driver).await.unwrap_err(), NotMeasured::Limit);
    open.pop().unwrap().end(&mut driver, Instant::now() + Duration::from_secs(2)).await;
    let until = Instant::now() + Duration::from_secs(10);
    while CheckFlow::open(&mut driver).await.is_err() {
        assert!(Instant::now() < until, "the place of one that ended is free again");
    }
}

#[tokio::test]
async fn what_is_no_question_keeps_no_check_alive() {
    let exit = Exit::start_with(Sealed { udp_idle: Duration::from_millis(300), ..Sealed::default() }).await;
    let mut driver = exit.driver().await;
    let flow = CheckFlow::open(&mut driver).await.unwrap();
    let counters = exit.running.counters();
    let until = Instant::now() + Duration::from_secs(10);
    while counters.borrow().flows_expired == 0 {
        assert!(Instant::now() < until, "it never ends");
        let now = driver.now();
        let _ = driver.link.streams().send_datagram(now, flow.id, &[0; 64]);
        driver.transmit().await;
        driver.step(Instant::now() + Duration::from_millis(20)).await;
        driver.events.clear();
    }
}

#[tokio::test]
async fn a_check_does_not_keep_a_proxy2_that_drains() {
    let exit = Exit::start().await;
    let mut driver = exit.driver().await;
    let mut flow = CheckFlow::open(&mut driver).await.unwrap();
    flow.ask(&mut driver, 64, Duration::from_secs(60)).await;
    let viewer = exit.running.viewer();
    assert_eq!(viewer.stream_count(), 1);
    viewer.drain(None).await;
    let over = tokio::time::timeout(Duration::from_secs(10), viewer.without_streams()).await;
    assert!(over.is_ok(), "the flow stays");
    assert_eq!(
        CheckFlow::open(&mut driver).await.unwrap_err(),
        NotMeasured::Limit,
        "and none comes after it"
    );
}

#[tokio::test]
async fn what_keeps_a_ticket_out_is_told_apart() {
    let exit = Exit::start().await;
    let unknown = Exit {
        ticket: Ticket::generate(*exit.ticket.server_key(), true, &mut crate::entropy::random()),
        ..exit
    };
    let refused = unknown.knock().await.answered;
    assert!(matches!(refused, Answered::Refused(Refusal::UnknownTicket, _)), "{refused:?}");
    let known = unknown.memory.add_ticket("two".parse().unwrap()).unwrap();
    unknown.memory.revoke_ticket(&"two".parse().unwrap()).unwrap();
    let revoked = Exit { ticket: known, ..unknown };
    let until = Instant::now() + Duration::from_secs(10);
    while !matches!(revoked.knock().await.answered, Answered::Refused(Refusal::RevokedTicket, _)) {
        assert!(Instant::now() < until, "it was never refused as a revoked one");
    }
    let hole = std::net::UdpSocket::bind("127.0.0.1:0").unwrap();
    let address = hole.local_addr().unwrap();
    let silent = knock(&revoked.ticket, address, watch::channel(false).0).await;
    assert!(matches!(silent.answered, Answered::Silent), "{silent:?}");
    drop(hole);
    let begun = Instant::now();
    let closed = knock(&revoked.ticket, address, watch::channel(false).0).await;
    assert!(
        matches!(closed.answered, Answered::Complaint(std::io::ErrorKind::ConnectionRefused)),
        "{closed:?}"
    );
    assert!(begun.elapsed() < Duration::from_secs(4), "what is known need not be waited for");
}

#[tokio::test]
async fn an_address_that_is_silent_does_not_hold_up_one_that_answers() {
    let exit = Exit::start().await;
    let hole = std::net::UdpSocket::bind("127.0.0.1:0").unwrap();
    let (found, _) = watch::channel(false);
    let begun = Instant::now();
    let (answers, silent) = tokio::join!(
        knock(&exit.ticket, exit.address(), found.clone()),
        knock(&exit.ticket, hole.local_addr().unwrap(), found.clone()),
    );
    assert!(matches!(answers.answered, Answered::Joined(..)) && matches!(silent.answered, Answered::Silent));
    assert!(begun.elapsed() < Duration::from_secs(4), "{:?}", begun.elapsed());
}
