//! Whether a client is there, asked by a server that others ask.

use super::pair::Pair;
use super::path_and_peers::greet;
use crate::sealed::link::Event;
use std::time::Duration;

const SECOND: Duration = Duration::from_secs(1);

/// A pair whose client is idle, with a stream open, over a path of such a delay and loss.
fn idle(seed: u64, delay: Duration, loss: f64) -> Pair {
    let mut pair = Pair::begin(seed);
    let id = greet(&mut pair);
    pair.network.change(|path| (path.delay, path.loss) = (delay, loss));
    for _ in 0..30 {
        let now = pair.now;
        pair.client.link.streams().write(now, id, b"more");
        pair.run_for(SECOND);
    }
    pair.run_for(SECOND * 8);
    pair
}

fn probe(pair: &mut Pair) {
    let now = pair.now;
    for link in pair.server.links.values_mut() {
        link.probe_liveness(now);
    }
}

fn count(pair: &Pair, event: &Event) -> usize {
    pair.server.app.events.iter().filter(|one| *one == event).count()
}

#[test]
fn a_client_that_was_killed_is_silent_within_half_a_second_and_back_when_it_is_heard() {
    let mut pair = idle(70, Duration::from_millis(1), 0.0);
    let before = pair.network.ways[1].counts.packets;
    probe(&mut pair);
    pair.run_for(SECOND);
    let sent = pair.network.ways[1].counts.packets - before;
    assert_eq!((count(&pair, &Event::Unreachable), sent), (0, 2), "it asks, and acknowledges the answer");
    pair.network.change(|path| path.dead = true);
    probe(&mut pair);
    pair.run_for(Duration::from_millis(600));
    assert_eq!(count(&pair, &Event::Unreachable), 1);
    // The link waits for it.
    pair.run_for(SECOND * 2);
    pair.network.change(|path| path.dead = false);
    assert!(pair.run_until(SECOND * 4, |pair| count(pair, &Event::Heard) == 1), "it is asked again");
    assert_eq!((count(&pair, &Event::Unreachable), count(&pair, &Event::Gone)), (1, 0));
    probe(&mut pair);
    pair.run_for(SECOND);
    assert_eq!(count(&pair, &Event::Unreachable), 1);
}

#[test]
fn clients_behind_long_or_lossy_paths_are_not_silent() {
    for (seed, delay, loss) in [(71, 375, 0.0), (72, 20, 0.3), (73, 1, 0.3), (74, 375, 0.3), (75, 150, 0.1)] {
        let mut pair = idle(seed, Duration::from_millis(delay), loss);
        for _ in 0..400 {
            probe(&mut pair);
            pair.run_for(SECOND / 2);
        }
        assert_eq!(count(&pair, &Event::Unreachable), 0, "{delay} ms, {loss}");
    }
}
