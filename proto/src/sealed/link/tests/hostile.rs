//! Somebody on the way changes, cuts, repeats, reflects and invents datagrams, from his address and from others'.

use super::pair::Pair;
use super::path_and_peers::{greet, say};
use crate::sealed::link::{DropCounts, Event};
use crate::sim::Forger;
use std::time::Duration;

const SECOND: Duration = Duration::from_secs(1);

const fn sum(dropped: DropCounts) -> u64 {
    dropped.malformed + dropped.forged + dropped.replayed + dropped.unasked
}

#[test]
fn whatever_is_injected_changes_nothing_and_is_counted() {
    for seed in 0..40 {
        let mut pair = Pair::begin(seed);
        pair.network.forger = Some(Forger::new(seed, 1 + usize::try_from(seed % 3).unwrap()));
        let id = greet(&mut pair);
        for round in 0..20u8 {
            say(&mut pair, id, &[round; 3_000]);
            let (now, link) = (pair.now, pair.server.links.values_mut().next().expect("a link"));
            link.streams().write(now, id, &[round; 3_000]);
        }
        assert!(pair.run_until(SECOND * 5, |pair| pair.client.app.heard[&id].len() == 60_000));
        let forged = pair.network.forger.take().map(|forger| forger.forged);
        pair.run_until(SECOND * 5, |_| false);
        let expected: Vec<u8> = (0..20).flat_map(|round| [round; 3_000]).collect();
        assert!(pair.server.app.heard[&id] == [b"hola", &expected[..]].concat(), "seed {seed}");
        assert!(pair.client.app.heard[&id] == expected, "seed {seed}");
        let ends: u64 =
            pair.server.links.values().chain([&pair.client.link]).map(|link| sum(link.dropped)).sum();
        assert_eq!(Some(ends + pair.server.dropped), forged, "seed {seed}: each is counted once");
        assert_eq!((pair.server.links.len(), pair.server.app.dialled), (1, 1), "seed {seed}");
        let moved = pair.server.app.events.iter().any(|event| matches!(event, Event::Moved(_)));
        assert!(!moved, "seed {seed}");
    }
}
