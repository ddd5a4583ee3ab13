//! Thousands of small lives of a link on bad paths, each drawn from its seed.

use super::pair::Pair;
use super::script::Script;
use super::wire::{Faults, Wire};
use crate::sealed::link::{Event, Link, Settings};
use crate::sealed::transport;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::Duration;

/// How many lives.
const SEEDS: u64 = 2_000;

/// Three times the longest black-out: what it takes at a loss of half of all packets.
const LIMIT: Duration = Duration::from_secs(4_000);

fn millis(count: usize) -> Duration {
    Duration::from_millis(u64::try_from(count).expect("small"))
}

/// Most faults are absent in most lives, so that each is seen alone and with any other.
fn faults(pair: &mut Pair) -> Faults {
    let (start, dice) = (pair.now, &mut pair.wires[0]);
    let mut one_in = |of: usize| dice.below(of) == 0;
    let [loses, bursts, repeats, flips, jitters, shrinks, dies, long] =
        [2, 3, 4, 4, 3, 5, 4, 60].map(&mut one_in);
    let dead = match (dies, long) {
        (true, true) => millis(600_000 + dice.below(600_000)),
        (true, false) => millis(1_000 + dice.below(9_000)),
        (false, _) => Duration::ZERO,
    };
    let dies_at = start + millis(dice.below(400));
    Faults {
        loss: if loses { dice.uniform() * 0.5 } else { 0.0 },
        burst: if bursts { 1.0 + dice.uniform() * 9.0 } else { 1.0 },
        twice: if repeats { 0.2 } else { 0.0 },
        flipped: if flips { 0.1 } else { 0.0 },
        delay: millis(1 + dice.below(80)),
        jitter: if jitters { millis(dice.below(60)) } else { Duration::ZERO },
        mtu: [1_472, if shrinks { 1_228 } else { 1_472 }],
        mtu_changes: start + millis(dice.below(500)),
        dead: [dies_at, dies_at + dead],
        ..Faults::default()
    }
}

fn live(seed: u64) {
    let memory = if seed.is_multiple_of(7) { 2 << 20 } else { 64 << 20 };
    let mut settings = Settings::default();
    settings.transport = transport::Settings { memory, max_datagram: 1_472, ..settings.transport };
    let mut pair = Pair::with(seed.to_le_bytes()[0], 10, settings);
    for (way, wire) in (1..).zip(&mut pair.wires) {
        *wire = Wire::new(seed * 2 + way);
    }
    let faults = faults(&mut pair);
    pair.wires.iter_mut().for_each(|wire| wire.faults = faults.clone());
    let streams = match seed % 400 {
        0 => 200,
        _ => 1 + pair.wires[0].below(5),
    };
    let mut scripts = Script::both(seed, 2_500);
    scripts.iter_mut().for_each(|script| script.crowded = streams > 100);
    for _ in 0..streams {
        let id = scripts[0].open(&mut pair.client);
        pair.heard_by_client.insert(id, Vec::new());
    }
    pair.scripts = Some(scripts);
    if seed.is_multiple_of(3) {
        let mut moves = pair.wires[0].below(4);
        let end = pair.now + LIMIT;
        while moves > 0 && !pair.run_until(millis(150), |pair| is_over(pair, streams)) && pair.now < end {
            moves -= 1;
            let [ip, port] = [pair.wires[0].below(2), pair.wires[0].below(9)];
            pair.client_address.set_ip([198, 51, 100, u8::try_from(ip).expect("small")].into());
            pair.client_address.set_port(u16::try_from(7_000 + port).expect("small"));
        }
    }
    let over = pair.run_until(LIMIT, |pair| {
        let links = pair.links.values().chain([&pair.client]);
        links.for_each(|link| {
            assert!(link.transport.memory() as u64 <= memory, "too much memory");
            link.transport.check_accounts();
        });
        is_over(pair, streams)
    });
    let scripts = pair.scripts.as_ref().expect("still there");
    assert!(over, "not over: {scripts:?}, {:?}, {:?}", pair.client_events, pair.server_events);
    scripts[0].check(&pair.heard_by_client);
    scripts[1].check(&pair.heard_by_server);
    let bad = |event: &&Event| matches!(event, Event::Restarted | Event::Gone | Event::Broken(_));
    let events = pair.client_events.iter().chain(&pair.server_events);
    assert_eq!(events.filter(bad).collect::<Vec<_>>(), [&Event::Up { first: true }; 0]);
}

/// Every stream has ended for both applications, and the link holds nothing any more.
fn is_over(pair: &Pair, streams: usize) -> bool {
    let ended = pair
        .scripts
        .as_ref()
        .is_some_and(|[client, server]| client.over.len() == streams && server.is_over_with(client));
    let empty = |link: &Link| {
        link.transport.is_idle() && link.transport.memory() == 0 && link.transport.promised() == 0
    };
    ended && (pair.client.dormant || empty(&pair.client)) && pair.links.values().all(empty)
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
