//! Many links with one proxy2: what each of them holds while it carries nothing, and how they come back together.

use crate::sealed::handshake::terms::{Epoch, Instance, LinkId};
use crate::sealed::link::Settings;
use crate::sim::{CROWDED, Crowd, Server, Setup, most_in_a_tenth};
use crate::ticket::Ticket;
use crate::time::Time;
use std::time::Duration;

const SECOND: Duration = Duration::from_secs(1);
const DELAY: Duration = Duration::from_millis(20);

/// Whose tickets the clients of a crowd have.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Tickets {
    /// Each its own.
    Own,
    /// All the same.
    Shared,
}

impl Tickets {
    fn of(self, setup: &Setup, number: u64) -> Ticket {
        setup.another_ticket(if self == Self::Own { number } else { 0 })
    }
}

/// Clients that expect streams of the server, once all of them are up.
fn crowd(number: u64, handshakes_per_second: u32, tickets: Tickets) -> Crowd<(), ()> {
    let places = usize::try_from(number * 2).unwrap();
    let setup = Setup { places, handshakes_per_second, ..Setup::new(number, Settings::default()) };
    let server = Server::new(setup, ());
    let mut crowd = Crowd::new(server, DELAY);
    for number in 0..number {
        let setup = &crowd.server.setup;
        let ticket = tickets.of(setup, number);
        let (id, instance) = (LinkId(number), Instance(number));
        let mut link = setup.client_with(&ticket, crowd.now, CROWDED, id, instance);
        link.expect_streams(true);
        crowd.server.endpoint.allow(ticket.client(), None);
        crowd.join(link, ());
    }
    let all = |crowd: &Crowd<(), ()>| crowd.members.iter().all(|member| member.link.is_up());
    assert!(crowd.run_until(SECOND * 90, all), "not all links come up");
    crowd
}

/// Of the server's end of each link, in bytes, without what its table and the program around it hold.
const MOST_HELD: i64 = 6 << 10;

#[test]
fn an_idle_link_holds_little() {
    const LINKS: u64 = 200;
    let mut crowd = crowd(LINKS, 1_000, Tickets::Own);
    crowd.run_for(SECOND * 600);
    // The nodes of the map have room for more.
    let links: Vec<_> = std::mem::take(&mut crowd.server.links).into_values().map(Box::new).collect();
    assert_eq!(links.len() as u64, LINKS);
    let with = heap::held_by_this_thread();
    drop(links);
    let held = (with - heap::held_by_this_thread()) / LINKS as i64;
    assert!(held <= MOST_HELD, "{held} bytes");
}

/// Initiations in a tenth of a second: a thousand clients that ask once a second and know nothing of each other send 100, and by chance
/// 135 in one of a hundred tenths. What the cookies make them send again comes on top.
const MOST_IN_A_TENTH: usize = 260;

/// Their server is killed in one moment in which all of them are at work, and is back after ten seconds: how long it takes until all
/// links are up, and when initiations left meanwhile.
fn outage(tickets: Tickets) -> (Duration, Vec<Time>) {
    let mut crowd = crowd(1_000, 500, tickets);
    let now = crowd.now;
    crowd.members.iter_mut().for_each(|member| {
        member.link.streams().open(b"target:1").expect("there is room for a stream");
        member.wake(now);
    });
    crowd.is_away = true;
    crowd.run_for(SECOND * 10);
    let now = crowd.now;
    crowd.server.restart(now, Epoch(2));
    for number in 0..1_000 {
        let ticket = tickets.of(&crowd.server.setup, number);
        crowd.server.endpoint.allow(ticket.client(), None);
    }
    (crowd.is_away, crowd.initiations) = (false, Some(Vec::new()));
    let back = |crowd: &Crowd<(), ()>| {
        crowd.server.links.values().filter(|link| link.is_up()).count() == crowd.members.len()
    };
    let all = crowd.run_until(SECOND * 90, back);
    let (took, times) = (crowd.now.since(now), crowd.initiations.take().unwrap_or_default());
    assert!(all, "{} of them after {took:?}", crowd.server.links.len());
    (took, times)
}

#[test]
fn a_thousand_links_come_back_within_five_seconds_and_not_all_at_once() {
    let (took, times) = outage(Tickets::Own);
    let most = most_in_a_tenth(&times);
    assert!(took <= SECOND * 5, "{took:?}");
    assert!(most <= MOST_IN_A_TENTH, "{most} initiations in a tenth of a second");
    assert!(times.len() <= 4_000, "{} initiations", times.len());
}

#[test]
fn a_thousand_links_of_one_ticket_come_back_soon() {
    let (took, times) = outage(Tickets::Shared);
    assert!(took <= SECOND * 5, "{took:?}, {} initiations", times.len());
}
