//! Thousands of small lives of a link on bad paths, each drawn from its seed.

use super::pair::Pair;
use super::script::Script;
use crate::sealed::link::{Event, Link, Settings};
use crate::sealed::transport;
use crate::sim::Path;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::Duration;

/// How many lives.
const SEEDS: u64 = 2_000;

/// Three times the longest black-out: what it takes at a loss of half of all packets.
const LIMIT: Duration = Duration::from_secs(4_000);

/// After so long without a word a server lets a link go, with its streams.
const SILENT_DAY: Duration = Duration::from_secs(24 * 3_600);

fn millis(count: usize) -> Duration {
    Duration::from_millis(u64::try_from(count).expect("small"))
}

/// Most faults are absent in most lives, so that each is seen alone and with any other.
fn faults(pair: &mut Pair) -> Path {
    let (start, dice) = (pair.now, &mut pair.network.ways[0].dice);
    let mut one_in = |of: usize| dice.below(of) == 0;
    let [loses, bursts, repeats, flips, jitters, shrinks, dies, long] =
        [2, 3, 4, 4, 3, 5, 4, 60].map(&mut one_in);
    let dead = match (dies, long) {
        (true, true) => millis(600_000 + dice.below(600_000)),
        (true, false) => millis(1_000 + dice.below(9_000)),
        (false, _) => Duration::ZERO,
    };
    let dies_at = start + millis(dice.below(400));
    Path {
        loss: if loses { dice.uniform() * 0.5 } else { 0.0 },
        burst: if bursts { 1.0 + dice.uniform() * 9.0 } else { 0.0 },
        duplicate: if repeats { 0.2 } else { 0.0 },
        corrupt: if flips { 0.1 } else { 0.0 },
        delay: millis(1 + dice.below(80)),
        jitter: if jitters { millis(dice.below(60)) } else { Duration::ZERO },
        mtus: vec![(start + millis(dice.below(500)), if shrinks { 1_228 } else { 1_472 })],
        outages: vec![dies_at..dies_at + dead],
        ..Path::default()
    }
}

fn live(seed: u64) {
    let memory = if seed.is_multiple_of(7) { 2 << 20 } else { 64 << 20 };
    let mut settings = Settings::default();
    settings.transport = transport::Settings { memory, max_datagram: 1_472, ..settings.transport };
    let mut pair = Pair::with(seed, 10, settings);
    let faults = faults(&mut pair);
    pair.network.change(|path| *path = faults.clone());
    let streams = match seed % 400 {
        0 => 200,
        _ => 1 + pair.network.ways[0].dice.below(5),
    };
    let mut both = Script::both(seed, 2_500);
    both.iter_mut().for_each(|script| script.crowded = streams > 100);
    for _ in 0..streams {
        let id = both[0].open(&mut pair.client.link);
        pair.client.app.heard.insert(id, Vec::new());
    }
    [pair.client.app.script, pair.server.app.script] = both.map(Some);
    if seed.is_multiple_of(3) {
        let mut moves = pair.network.ways[0].dice.below(4);
        let end = pair.now + LIMIT;
        while moves > 0 && !pair.run_until(millis(150), |pair| is_over(pair, streams)) && pair.now < end {
            moves -= 1;
            let [ip, port] = [pair.network.ways[0].dice.below(2), pair.network.ways[0].dice.below(9)];
            pair.network.client.set_ip([198, 51, 100, u8::try_from(ip).expect("small")].into());
            pair.network.client.set_port(u16::try_from(7_000 + port).expect("small"));
        }
    }
    let over = pair.run_until(LIMIT, |pair| {
        let links = pair.server.links.values().chain([&pair.client.link]);
        links.for_each(|link| {
            assert!(link.transport.memory() as u64 <= memory, "too much memory");
            link.transport.check_accounts();
        });
        is_over(pair, streams)
    });
    let scripts = scripts(&pair);
    assert!(over, "not over: {scripts:?}, {:?}, {:?}", pair.client.app.events, pair.server.app.events);
    scripts[0].check(&pair.client.app.heard);
    scripts[1].check(&pair.server.app.heard);
    let bad = |event: &&Event| matches!(event, Event::Restarted | Event::Gone | Event::Broken(_));
    let events = pair.client.app.events.iter().chain(&pair.server.app.events);
    assert_eq!(events.filter(bad).collect::<Vec<_>>(), [&Event::Up { first: true }; 0]);
    if !pair.server.links.values().all(is_empty) {
        assert!(pair.run_until(SILENT_DAY, |pair| pair.server.links.is_empty()), "a link without a client");
    }
}

/// What the applications do, of the client and of the server.
fn scripts(pair: &Pair) -> [&Script; 2] {
    [&pair.client.app, &pair.server.app].map(|app| app.script.as_ref().expect("both have one"))
}

/// Every stream has ended for both applications, and the link holds nothing any more.
fn is_over(pair: &Pair, streams: usize) -> bool {
    let [client, server] = scripts(pair);
    let ended = client.over.len() == streams && server.is_over_with(client);
    let dormant = pair.client.link.state.is_dormant();
    // The one packet in which a client says that it is dormant was lost, and the server's do not reach it: it has moved, or the path was
    // dead. The server's link goes without it, later.
    let left = |link: &Link| dormant && !link.is_up();
    let mut links = pair.server.links.values();
    ended && (dormant || is_empty(&pair.client.link)) && links.all(|link| is_empty(link) || left(link))
}

fn is_empty(link: &Link) -> bool {
    link.transport.is_idle() && link.transport.memory() == 0 && link.transport.promised() == 0
}

#[test]
#[expect(clippy::print_stdout, reason = "shown only with a failure: its seed")]
fn every_byte_arrives_in_every_life() {
    for seed in 0..SEEDS {
        let lived = catch_unwind(AssertUnwindSafe(|| live(seed)));
        if lived.is_err() {
            println!("seed {seed}");
        }
        assert!(lived.is_ok(), "seed {seed}");
    }
}
