//! Many links with one proxy2: what each of them holds while it carries nothing, and how they come back together.

use crate::sealed::handshake::terms::{Epoch, Instance, LinkId};
use crate::sealed::link::Settings;
use crate::sim::{CROWDED, Crowd, Server, Setup, most_in_a_tenth};
use std::time::Duration;

const SECOND: Duration = Duration::from_secs(1);
const DELAY: Duration = Duration::from_millis(20);

/// Clients that expect streams of the server, each with a ticket of its own, once all of them are up.
fn crowd(number: u64, handshakes_per_second: u32) -> Crowd<(), ()> {
    let places = usize::try_from(number * 2).unwrap();
    let setup = Setup { places, handshakes_per_second, ..Setup::new(number, Settings::default()) };
    let server = Server::new(setup, ());
    let mut crowd = Crowd::new(server, DELAY);
    for number in 0..number {
        let setup = &crowd.server.setup;
        let ticket = setup.another_ticket(number);
        let (id, instance) = (LinkId(number), Instance(number));
        let mut link = setup.client_with(&ticket, crowd.now, CROWDED, id, instance);
        link.expect_streams(true);
        crowd.server.endpoint.allow(ticket.client(), None);
        crowd.join(link, ());
    }
    let all = |crowd: &Crowd<(), ()>| crowd.members.iter().all(|member| member.link.is_up());
    assert!(crowd.run_until(SECOND * 30, all), "not all links come up");
    crowd
}

/// Of the server's end of each link, in bytes, without what its table and the program around it hold.
const MOST_HELD: i64 = 14 << 10;

#[test]
fn an_idle_link_holds_little() {
    const LINKS: u64 = 200;
    let mut crowd = crowd(LINKS, 1_000);
    crowd.run_for(SECOND * 600);
    let links = std::mem::take(&mut crowd.server.links);
    assert_eq!(links.len() as u64, LINKS);
    let with = heap::held_by_this_thread();
    drop(links);
    let held = (with - heap::held_by_this_thread()) / LINKS as i64;
    assert!(held <= MOST_HELD, "{held} bytes");
}

/// Initiations in a tenth of a second: a thousand clients that ask once a second and know nothing of each other send 100, and by chance
/// 135 in one of a hundred tenths. What the cookies make them send again comes on top.
const MOST_IN_A_TENTH: usize = 260;

/// Their server is killed in one moment in which all of them are at work, and is back after ten seconds.
#[test]
fn a_thousand_links_come_back_within_five_seconds_and_not_all_at_once() {
    let mut crowd = crowd(1_000, 500);
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
        let ticket = crowd.server.setup.another_ticket(number);
        crowd.server.endpoint.allow(ticket.client(), None);
    }
    (crowd.is_away, crowd.initiations) = (false, Some(Vec::new()));
    let back = |crowd: &Crowd<(), ()>| {
        crowd.server.links.values().filter(|link| link.is_up()).count() == crowd.members.len()
    };
    let all = crowd.run_until(SECOND * 20, back);
    let (took, times) = (crowd.now.since(now), crowd.initiations.take().unwrap_or_default());
    let most = most_in_a_tenth(&times);
    assert!(all && took <= SECOND * 5, "{} of them after {took:?}", crowd.server.links.len());
    assert!(most <= MOST_IN_A_TENTH, "{most} initiations in a tenth of a second");
    assert!(times.len() <= 4_000, "{} initiations", times.len());
}
