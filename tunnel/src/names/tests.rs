//! Names without links: what leads to a publisher is a number.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Instant;

use super::*;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Way(u32);

impl Reach for Way {
    /// As if nobody answered with a number of 100 and more.
    fn is_silent(&self) -> bool {
        self.0 >= 100
    }

    fn keep_watched(&self) {}
}

fn service(name: &str) -> Service {
    Service { name: name.parse().unwrap(), udp: false }
}

fn glob(text: &str) -> NameGlob {
    text.parse().unwrap()
}

fn names_of(page: &Page) -> Vec<&str> {
    page.found.iter().map(|found| found.service.name.as_str()).collect()
}

async fn next(watch: &mut NameWatch) -> Option<Change> {
    std::future::poll_fn(|cx| watch.poll_next(cx)).await
}

fn order(names: &Names<Way>, name: &str) -> Vec<u32> {
    names.candidates(&service(name)).iter().map(|one| one.reach.0).collect()
}

#[test]
fn publishers_take_turns_and_the_least_loaded_is_first() {
    let names = Names::new();
    let publish = |number| names.publish(service("files"), Some("one"), Way(number)).unwrap();
    let _all = [publish(1), publish(2), publish(3)];
    assert_eq!([order(&names, "files")[0], order(&names, "files")[0], order(&names, "files")[0]], [1, 2, 3]);
    let loads: Vec<_> =
        names.candidates(&service("files")).into_iter().take(2).map(|one| one.load.take()).collect();
    assert_eq!(order(&names, "files")[0], 3, "the others have a stream each");
    drop(loads);
    assert_eq!(order(&names, "files").len(), 3);
    let _silent = publish(100);
    assert_eq!(order(&names, "files")[3], 100, "those that are silent come last");
    assert!(order(&names, "other").is_empty());
}

/// A publisher that answers, or does not.
#[derive(Clone, Debug, Default)]
struct Silence {
    silent: Arc<AtomicBool>,
    watched: Arc<AtomicBool>,
}

impl Reach for Silence {
    fn is_silent(&self) -> bool {
        self.silent.load(Ordering::Relaxed)
    }

    fn keep_watched(&self) {
        self.watched.store(true, Ordering::Relaxed);
    }
}

#[tokio::test]
async fn a_name_is_hidden_while_its_publishers_are_silent_and_each_change_is_told_once() {
    let names = Names::new();
    let mut watch = names.watch(glob("f*"), "laptop", |_| true).unwrap();
    let reach = Silence::default();
    let publication = names.publish(service("files"), Some("shed"), reach.clone()).unwrap();
    let found = || names.find(&glob("*"), None, 1_000, |_| true).found;
    assert_eq!((found().len(), next(&mut watch).await.unwrap().kind), (1, ChangeKind::Appeared));
    reach.silent.store(true, Ordering::Relaxed);
    assert!(found().is_empty());
    publication.show(false);
    publication.show(false);
    let gone = next(&mut watch).await.unwrap();
    assert_eq!((gone.kind, gone.found.publishers), (ChangeKind::Gone, 0));
    assert!(gone.found.tickets.is_empty());
    reach.silent.store(false, Ordering::Relaxed);
    publication.show(true);
    let back = next(&mut watch).await.unwrap();
    assert_eq!((back.kind, back.found.publishers, found().len()), (ChangeKind::Appeared, 1, 1));
    publication.show(false);
    assert_eq!(next(&mut watch).await.unwrap().kind, ChangeKind::Gone);
    // It is known already that it is gone.
    drop(publication);
    drop(names.publish(service("form"), None, reach).unwrap());
    let next = next(&mut watch).await.unwrap();
    assert_eq!((next.kind, next.found.service.name.as_str()), (ChangeKind::Appeared, "form"));
}

#[test]
fn all_who_publish_what_is_looked_for_are_visited() {
    let names = Names::new();
    let publish = |name: String, way| names.publish(service(&name), None, Way(way)).unwrap();
    let _kept: Vec<_> = (0..600).map(|way| publish(format!("n{way}"), way)).collect();
    let _other = publish("other".into(), 7_000);
    let (mut after, mut ways) = (None, Vec::new());
    loop {
        after =
            names.visit(&glob("n*"), after.as_ref(), |name| name.as_str() != "n1", |way| ways.push(way.0));
        if after.is_none() {
            break;
        }
    }
    ways.sort_unstable();
    assert_eq!(ways, (0..600).filter(|way| *way != 1).collect::<Vec<_>>());
}

#[test]
fn who_publishes_what_is_watched_knows_it() {
    let names = Names::new();
    let publish = |name: &str| {
        let reach = Silence::default();
        let publication = names.publish(service(name), None, reach.clone()).unwrap();
        (publication, reach)
    };
    let is_watched = |(_, reach): &(_, Silence)| reach.watched.load(Ordering::Relaxed);
    let before = publish("first");
    let watch = names.watch(glob("f*"), "laptop", |name| name.as_str() != "form").unwrap();
    assert!(!is_watched(&before), "whoever watches visits it");
    assert!(is_watched(&publish("files")) && !is_watched(&publish("web")));
    assert!(!is_watched(&publish("form")), "it may not be used");
    drop(watch);
    assert!(!is_watched(&publish("files")));
}

#[test]
fn a_name_is_gone_with_its_last_publisher() {
    let names = Names::new();
    let first = names.publish(service("files"), Some("laptop"), Way(1)).unwrap();
    let second = names.publish(service("files"), None, Way(2)).unwrap();
    let page = names.find(&glob("*"), None, 1_000, |_| true);
    assert_eq!((page.found[0].publishers, page.found[0].tickets.as_slice()), (2, &["laptop".to_owned()][..]));
    drop(first);
    assert_eq!(order(&names, "files"), [2]);
    drop(second);
    assert_eq!(names.find(&glob("*"), None, 1_000, |_| true), Page::default());
    assert!(names.lock().by_ticket.is_empty() && names.lock().publications == 0);
}

#[test]
fn what_is_found_comes_in_pages_and_only_what_may_be_used() {
    let names = Names::new();
    let all = ["a", "fa", "fi.1", "fi.2", "fi.3", "fj", "z"];
    let _kept: Vec<_> = all.map(|name| names.publish(service(name), None, Way(1)).unwrap()).into();
    let (mut after, mut read) = (None, Vec::new());
    loop {
        let page = names.find(&glob("fi*"), after.as_ref(), 100, |name| name.as_str() != "fi.2");
        read.extend(names_of(&page).into_iter().map(str::to_owned));
        after = page.next;
        if after.is_none() {
            break;
        }
    }
    assert_eq!(read, ["fi.1", "fi.3"]);
    assert_eq!(names_of(&names.find(&glob("f?"), None, 1_000, |_| true)), ["fa", "fj"]);
    assert_eq!(names_of(&names.find(&glob("fi."), None, 1_000, |_| true)), [""; 0]);
    assert_eq!(names_of(&names.find(&glob("*3"), None, 1_000, |_| true)), ["fi.3"]);
}

#[tokio::test]
async fn a_watch_is_told_in_order_and_ends_where_it_is_not_read() {
    let names = Names::new();
    let (mut watch, mut other) = (
        names.watch(glob("fi*"), "one", |_| true).unwrap(),
        names.watch(glob("x"), "one", |_| true).unwrap(),
    );
    let first = names.publish(service("files"), Some("laptop"), Way(1)).unwrap();
    let _other = names.publish(service("web"), Some("laptop"), Way(1)).unwrap();
    drop(first);
    let told = |change: Option<Change>| change.map(|change| (change.kind, change.found.publishers));
    assert_eq!(told(next(&mut watch).await), Some((ChangeKind::Appeared, 1)));
    assert_eq!(told(next(&mut watch).await), Some((ChangeKind::Gone, 0)));
    let mut count = 0;
    for number in 0..1_000 {
        drop(names.publish(service(&format!("fi{number}")), None, Way(number)));
    }
    while next(&mut watch).await.is_some() {
        count += 1;
    }
    assert_eq!(count, 256, "what is there is told, then the end");
    let _x = names.publish(service("x"), None, Way(1)).unwrap();
    assert_eq!(told(next(&mut other).await), Some((ChangeKind::Appeared, 1)), "others go on");
}

#[tokio::test]
async fn whatever_changes_again_and_again_takes_two_places_and_what_may_not_be_used_takes_none() {
    let names = Names::new();
    let mut watch = names.watch(glob("*"), "one", |name| name.as_str() != "secret").unwrap();
    let _web = names.publish(service("web"), None, Way(1)).unwrap();
    let mut kept = Vec::new();
    for number in 0..1_000 {
        drop(names.publish(service("files"), None, Way(number)));
        drop(names.publish(service("secret"), None, Way(number)));
        if number % 20 == 0 {
            kept.push(names.publish(service("web"), Some("shed"), Way(1)).unwrap());
        }
    }
    let mut told = Vec::new();
    for _ in 0..4 {
        let Change { kind, found } = next(&mut watch).await.unwrap();
        told.push((found.service.name.to_string(), kind, found.publishers));
    }
    let (appeared, gone) = (ChangeKind::Appeared, ChangeKind::Gone);
    let (web, files) =
        (|count| ("web".to_owned(), appeared, count), |kind, count| ("files".to_owned(), kind, count));
    assert_eq!(told, [web(1), files(appeared, 1), files(gone, 0), web(51)], "the first, and the last");
    drop(names.publish(service("files"), None, Way(1)));
    assert_eq!(next(&mut watch).await.unwrap().kind, appeared, "and it goes on");
}

#[test]
fn nobody_publishes_without_end() {
    let names = Names::new();
    let publish = |name: String, ticket| names.publish(service(&name), ticket, Way(1));
    let mut kept: Vec<_> =
        (0..4_096).map(|number| publish(format!("n{number}"), Some("one")).unwrap()).collect();
    assert_eq!(publish("more".into(), Some("one")).unwrap_err(), TooMany::OfTicket);
    for _ in 1..64 {
        kept.push(publish("n0".into(), None).unwrap());
    }
    assert_eq!(publish("n0".into(), None).unwrap_err(), TooMany::OfName);
    for number in 4_096 + 63..65_536 {
        kept.push(publish(format!("n{number}"), None).unwrap());
    }
    assert_eq!(publish("more".into(), None).unwrap_err(), TooMany::InAll);
    drop(kept);
    assert!(names.lock().services.is_empty());
}

#[test]
fn however_many_tickets_publish_all_they_can_the_next_has_its_share() {
    let names = Names::new();
    let mut kept = Vec::new();
    let mut counts = Vec::new();
    for ticket in 0..20 {
        let ticket = format!("ticket-{ticket}");
        let publish = |number| names.publish(service(&format!("{ticket}-{number}")), Some(&ticket), Way(1));
        let before = kept.len();
        kept.extend((0..).map_while(|number| publish(number).ok()));
        counts.push(kept.len() - before);
    }
    assert!(counts.iter().take(15).all(|count| *count == 4_096), "{counts:?}");
    assert!(counts.iter().all(|count| *count > 0), "{counts:?}");
    let more = names.publish(service("more"), Some("ticket-19"), Way(1));
    assert_eq!(more.unwrap_err(), TooMany::Share);
}

#[test]
fn ten_thousand_names_are_found_at_once() {
    let names = Names::new();
    let _kept: Vec<_> = (0..10_000)
        .map(|number| names.publish(service(&format!("n{number}")), None, Way(1)).unwrap())
        .collect();
    let start = Instant::now();
    let (mut after, mut count) = (None, 0);
    loop {
        let page = names.find(&glob("*"), after.as_ref(), 10 << 10, |_| true);
        count += page.found.len();
        after = page.next;
        if after.is_none() {
            break;
        }
    }
    let took = start.elapsed();
    assert_eq!(count, 10_000);
    // Without optimisation, on a machine that is busy; see docs/performance.md for what it takes.
    assert!(took.as_millis() < 500, "{took:?}");
}

#[test]
fn whatever_is_looked_for_others_wait_for_a_few_names_only() {
    let names = Names::new();
    let _kept: Vec<_> = (0..10_000)
        .map(|number| names.publish(service(&format!("n{number}")), None, Way(1)).unwrap())
        .collect();
    let asked = std::cell::Cell::new(0);
    let may_use = |_: &ServiceName| {
        asked.set(asked.get() + 1);
        false
    };
    let page = names.find(&glob("*n*"), None, 1_000, may_use);
    assert_eq!((page.found.len(), asked.get()), (0, 256), "and it goes on behind them");
    let (mut after, mut goes) = (page.next, 1);
    while let Some(next) = after {
        after = names.find(&glob("*9999"), Some(&next), 1_000, |_| true).next;
        goes += 1;
    }
    assert_eq!(goes, 10_000_usize.div_ceil(256));
}

#[test]
fn a_name_with_many_publishers_is_looked_at_as_if_it_were_many() {
    let names = Names::new();
    let publish = |name: u32| names.publish(service(&format!("n{name}")), None, Way(100)).unwrap();
    let _kept: Vec<_> = (0..10).flat_map(|name| (0..64).map(move |_| name)).map(publish).collect();
    let mut visited = 0;
    let next = names.visit(&glob("n*"), None, |_| true, |_| visited += 1);
    assert_eq!((visited, next), (256, Some(service("n3"))));
    assert_eq!(names.find(&glob("n*"), None, 1_000, |_| true).next, Some(service("n3")), "silent or not");
}

#[test]
fn however_many_tickets_watch_all_they_can_the_next_has_one() {
    let names = Names::<Way>::new();
    let mut watches = Vec::new();
    let mut counts = Vec::new();
    for ticket in 0..100 {
        let watch = |_| names.watch(glob("*"), &format!("ticket-{ticket}"), |_| true).ok();
        let before = watches.len();
        watches.extend((0..).map_while(watch));
        counts.push(watches.len() - before);
    }
    assert!(counts.iter().take(60).all(|count| *count == 64), "{counts:?}");
    assert!(counts.iter().all(|count| *count > 0) && watches.len() <= 4_096 + 100, "{counts:?}");
    assert_eq!(names.watch(glob("*"), "ticket-99", |_| true).unwrap_err(), TooMany::WatchesShare);
}

#[test]
fn a_ticket_watches_no_more_than_it_may_whatever_its_links() {
    let names = Names::<Way>::new();
    let mut watches: Vec<_> = (0..64).map(|_| names.watch(glob("*"), "one", |_| true).unwrap()).collect();
    assert_eq!(names.watch(glob("*"), "one", |_| true).unwrap_err(), TooMany::Watches);
    let _other = names.watch(glob("*"), "two", |_| true).unwrap();
    watches.pop();
    let _again = names.watch(glob("*"), "one", |_| true).unwrap();
}
