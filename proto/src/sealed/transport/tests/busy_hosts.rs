//! Hosts that have much else to do: what arrived is looked at seldom, and acknowledged all at once.

use super::MS;
use super::pair::{Pair, bytes};
use crate::sealed::crypto::random::Random;
use crate::sealed::wire::frame::StreamId;
use crate::sim::{Host, Path};
use crate::time::Time;
use std::ops::Range;
use std::time::Duration;

#[test]
fn who_is_seldom_asked_sends_the_more_at_once() {
    let mut pair = Pair::on(8, Path { delay: MS / 2, ..Path::default() });
    pair.warm();
    pair.nap = 40 * MS;
    let id = pair.open(0);
    pair.client.to_write.insert(id, bytes(id.0, 20_000_000));
    pair.run_until(Duration::from_secs(6), |_| false);
    let before = pair.server.heard[&id].len();
    pair.run_until(Duration::from_secs(2), |_| false);
    // Half of two full batches each time both have looked; 16 packets would make half a megabyte.
    let arrived = pair.server.heard[&id].len() - before;
    assert!(arrived > 1_600_000, "{arrived} bytes in two seconds");
    assert_eq!(pair.client.transport.counts().lost, 0);
}

/// Bytes that arrive in a hundred turns of 0.4 s, after as many, on a path of 1 ms whose hosts look five times a second, now and then by
/// chance twice in a row. The sender says how long it waits if it is `honest`.
fn arrives_in_turns(honest: bool) -> usize {
    const NAP: Duration = Duration::from_millis(200);
    let mut pair = Pair::on(9, Path { delay: MS / 2, ..Path::default() });
    pair.warm();
    let id = pair.open(0);
    pair.client.to_write.insert(id, bytes(id.0, 40_000_000));
    let mut turns = |count: u32| {
        for turn in 0..count {
            pair.nap = if turn % 20 == 0 { MS } else { NAP };
            pair.run_until(pair.nap * 2, |_| false);
            if honest {
                pair.client.transport.on_turn(pair.now, NAP);
            }
        }
        pair.server.heard[&id].len()
    };
    let before = turns(100);
    turns(100) - before
}

#[test]
fn who_waits_for_its_turn_and_says_so_is_not_left_with_the_least_window() {
    let (silent, honest) = (arrives_in_turns(false), arrives_in_turns(true));
    assert!(honest > 4 * silent, "{honest} bytes, {silent} without saying so");
    // Two full batches each time both have looked.
    assert!(honest > 95 * 100_000, "{honest} bytes in a hundred turns");
}

/// Two ends on machines that serve a thousand others: whoever has something to do waits for its turn, and the one that sends says so, as
/// the programs do.
struct Crowded {
    pair: Pair,
    id: StreamId,
    random: Random,
    /// When the turns of both come that have something to do.
    turns: [Option<Time>; 2],
    /// The client measures how long it waits, since then.
    asked: Option<Time>,
    /// When it did so last, and how many packets had left.
    watched: (Time, u64),
}

impl Crowded {
    /// How long they wait each time, in milliseconds; and once in four times.
    const WAITS: [Range<u32>; 2] = [30..250, 1..10];
    /// How often the client measures that, and packets that have left since.
    const WATCHES: (Duration, u64) = (Duration::from_millis(100), 16);

    /// Bulk that begins on a link which was idle.
    fn new(seed: u8) -> Self {
        let mut pair = Pair::on(seed.into(), Path { delay: MS / 2, ..Path::default() });
        pair.warm();
        let id = pair.open(0);
        pair.client.to_write.insert(id, bytes(id.0, 12_000_000));
        let random = Random::from_seed([seed; 32]);
        Self { pair, id, random, turns: [None; 2], asked: None, watched: (Time::ZERO, 0) }
    }

    /// Bytes that arrive in this time.
    fn arrives(&mut self, time: Duration) -> usize {
        let (end, before) = (self.pair.now + time, self.arrived());
        loop {
            for at in 0..2 {
                if self.turns[at].is_none() && self.wakes(at) <= self.pair.now {
                    self.wait_for_turn(at);
                }
            }
            let next = [0, 1].map(|at| self.turns[at].unwrap_or_else(|| self.wakes(at)));
            let at = usize::from(next[1] < next[0]);
            if next[at] > end {
                self.pair.now = end;
                return self.arrived() - before;
            }
            self.pair.now = next[at];
            if self.turns[at].take().is_some() {
                self.take_turn(at);
            }
        }
    }

    fn arrived(&self) -> usize {
        self.pair.server.heard.get(&self.id).map_or(0, Vec::len)
    }

    /// When that end has something to do.
    fn wakes(&mut self, at: usize) -> Time {
        let (now, arrives) = (self.pair.now, self.pair.network.ways[1 - at].next());
        self.pair.end(at).poll_timeout(now).min(arrives)
    }

    fn wait_for_turn(&mut self, at: usize) {
        let [usual, short] = Self::WAITS;
        let span = if self.random.u32().is_multiple_of(4) { short } else { usual };
        let wait = span.start + self.random.u32() % (span.end - span.start);
        self.turns[at] = Some(self.pair.now + MS * wait);
    }

    fn take_turn(&mut self, at: usize) {
        if at == 1 {
            self.pair.turn_of_server();
            return;
        }
        let now = self.pair.now;
        if let Some(asked) = self.asked.take() {
            self.pair.client.transport.on_turn(now, now.since(asked));
        }
        self.pair.turn_of_client();
        let (sent, (time, packets)) = (self.pair.client.transport.counts().sent, Self::WATCHES);
        if now >= self.watched.0 + time && sent >= self.watched.1 + packets {
            (self.watched, self.asked) = ((now, sent), Some(now));
            self.wait_for_turn(at);
        }
    }
}

#[test]
fn a_link_among_many_keeps_its_rate_however_its_turns_come() {
    for seed in 0..40 {
        let mut crowded = Crowded::new(seed);
        crowded.arrives(Duration::from_secs(2));
        let mut each = Vec::new();
        for _ in 0..3 {
            each.push(crowded.arrives(Duration::from_secs(4)) / 4);
            // The buffer of a socket is full for a moment, and all that is on its way is lost.
            crowded.pair.network.change(|path| path.dead = true);
            crowded.arrives(60 * MS);
            crowded.pair.network.change(|path| path.dead = false);
        }
        // A full batch each time both have looked is 300 kB/s, and 16 packets are 110.
        assert!(each.iter().all(|rate| *rate > 200_000), "seed {seed}: {each:?} bytes a second");
    }
}
