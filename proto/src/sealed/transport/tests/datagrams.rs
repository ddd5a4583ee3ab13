//! Flows: what becomes of their datagrams, on bad paths and beside streams.

mod dialogue;
mod large;
mod share;

use super::MS;
use super::pair::{Pair, bytes};
use crate::sealed::wire::frame::StreamId;
use crate::sim::Path;
use crate::time::Time;
use std::collections::BTreeSet;
use std::time::Duration;

/// 100 Mbit/s in bytes a second.
const RATE: u64 = 12_500_000;

fn path(loss: f64) -> Path {
    Path { delay: 25 * MS, rate: RATE, loss, ..Path::default() }
}

/// One end of a flow that sends at a steady rate.
struct Source {
    at: usize,
    id: StreamId,
    size: usize,
    every: Duration,
    next: Time,
    /// When each was sent.
    sent: Vec<Time>,
}

impl Source {
    /// A new flow of the client, to the server. Datagrams of `size` bytes, one in `every`.
    fn new(pair: &mut Pair, size: usize, every: Duration) -> Self {
        let id = pair.open_flow(0);
        Self { at: 0, id, size, every, next: pair.now, sent: Vec::new() }
    }

    /// The other direction of the same flow.
    fn back(&self, pair: &Pair) -> Self {
        Self { at: 1 - self.at, next: pair.now, sent: Vec::new(), ..*self }
    }

    /// What the datagram with this number holds: it names flow, direction and number.
    fn datagram(&self, number: usize) -> Vec<u8> {
        let mut datagram = (number as u64).to_be_bytes().to_vec();
        datagram.extend(bytes(self.id.0 << 40 | (self.at as u64) << 32 | number as u64, self.size - 8));
        datagram
    }

    /// Sends what is due.
    fn send(&mut self, pair: &mut Pair) {
        let now = pair.now;
        while self.next <= now {
            let datagram = self.datagram(self.sent.len());
            let _ = pair.end(self.at).transport.send_datagram(now, self.id, &datagram);
            self.sent.push(now);
            self.next += self.every;
        }
    }

    /// How long those took that arrived, sorted, in milliseconds.
    ///
    /// # Panics
    /// If one came twice, was altered, or is of another flow.
    fn delays(&self, pair: &Pair) -> Vec<f64> {
        let came = pair.ends()[1 - self.at].datagrams.get(&self.id).map_or(&[][..], Vec::as_slice);
        let mut seen = BTreeSet::new();
        let mut delays: Vec<_> = came
            .iter()
            .map(|(at, datagram)| {
                let number = usize::try_from(u64::from_be_bytes(datagram[..8].try_into().unwrap())).unwrap();
                assert!(*datagram == self.datagram(number), "{number} of flow {} was altered", self.id);
                assert!(seen.insert(number), "{number} of flow {} came twice", self.id);
                at.since(self.sent[number]).as_secs_f64() * 1e3
            })
            .collect();
        delays.sort_by(f64::total_cmp);
        delays
    }

    /// The share that arrived, and within how many milliseconds 99 % of those did.
    fn arrived(&self, pair: &Pair) -> (f64, f64) {
        let delays = self.delays(pair);
        assert!(!delays.is_empty(), "nothing arrived of flow {}", self.id);
        (delays.len() as f64 / self.sent.len() as f64, delays[delays.len() * 99 / 100])
    }
}

/// Lets the sources send for `time`, and what is on its way arrive.
fn run(pair: &mut Pair, time: Duration, sources: &mut [Source]) {
    let end = pair.now + time;
    while pair.now < end {
        sources.iter_mut().for_each(|source| source.send(pair));
        let next = sources.iter().map(|source| source.next).min().unwrap_or(end);
        pair.run_for(next.since(pair.now).max(Duration::from_micros(1)));
    }
    pair.run_for(500 * MS);
}

/// A stream of the client with more to send than the path carries.
fn bulk(pair: &mut Pair) -> StreamId {
    let id = pair.open(0);
    pair.client.to_write.insert(id, bytes(7, 150_000_000));
    id
}

#[test]
fn none_comes_twice_or_altered_or_on_another_flow_and_all_come_but_for_the_lost() {
    for (seed, loss) in [(1, 0.0), (2, 0.05), (3, 0.2)] {
        let mut pair = Pair::on(
            seed,
            Path { jitter: 3 * MS, reorder: 0.05, reorder_by: 40 * MS, duplicate: 0.02, ..path(loss) },
        );
        pair.warm();
        let mut sources: Vec<_> =
            [(160, 20), (1_100, 5), (40, 7)].map(|(size, ms)| Source::new(&mut pair, size, MS * ms)).into();
        pair.run_for(100 * MS);
        sources.push(sources[0].back(&pair));
        run(&mut pair, Duration::from_secs(20), &mut sources);
        for source in &sources {
            let (share, p99) = source.arrived(&pair);
            println!("seed {seed}, loss {loss}: flow {} {share:.3}, p99 {p99:.1} ms", source.id);
            // Three standard deviations of the smallest count.
            let chance = 3.0 * (loss * (1.0 - loss) / source.sent.len() as f64).sqrt();
            assert!(share >= 1.0 - loss - chance - 0.002, "{share} of flow {} at {loss}", source.id);
            assert!(p99 <= 25.0 + 3.0 + 40.0 + 5.0, "{p99} ms");
        }
        let counts = pair.client.transport.datagram_counts();
        let sent: usize = sources[..3].iter().map(|source| source.sent.len()).sum();
        assert_eq!((counts.sent, counts.too_old, counts.queue_full), (sent as u64, 0, 0));
        let gone = counts.sent - pair.server.transport.datagram_counts().received;
        // While the path's rate is not known yet, one packet has twenty of the small ones.
        let late = pair.client.transport.counts().spurious * 3 + 20;
        assert!((gone..=gone + late).contains(&counts.lost), "{gone} are gone, {late} late: {counts:?}");
    }
}

#[test]
fn what_a_dead_path_held_up_does_not_come_when_it_returns() {
    let mut pair = Pair::on(5, path(0.0));
    pair.warm();
    let mut source = [Source::new(&mut pair, 500, 10 * MS)];
    run(&mut pair, Duration::from_secs(1), &mut source);
    pair.network.change(|path| path.dead = true);
    run(&mut pair, Duration::from_secs(60), &mut source);
    pair.network.change(|path| path.dead = false);
    run(&mut pair, Duration::from_secs(5), &mut source);
    let delays = source[0].delays(&pair);
    let slowest = *delays.last().unwrap();
    assert!(slowest <= 25.0 + 110.0, "{slowest} ms");
    let counts = pair.client.transport.datagram_counts();
    assert!(counts.too_old + counts.queue_full > 5_000, "{counts:?}");
    assert!(delays.len() > 500, "{} came: it goes on", delays.len());
    pair.client.transport.check_accounts();
}
