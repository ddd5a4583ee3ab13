//! Two transports, a bad path, and applications that do anything in any order, against a model of what TCP means.
//!
//! The model knows what each application wrote, finished and reset. It checks that the other one reads the same bytes in
//! the same order and no others, hears of the end only behind all bytes and of a reset with its code, that applications
//! which wait for events are never forgotten, that memory stays below its cap, and that the link ends idle and empty.

mod application;
mod flows;
mod side;

use crate::sealed::streams::budget::Budget;
use crate::sealed::streams::table;
use crate::sealed::transport::Settings;
use crate::sealed::wire::packet::OVERHEAD;
use crate::sim::{Network, Pair, Path};
use side::FuzzedSide;
use std::time::Duration;

/// What the model is run with.
#[derive(Clone, Copy, Debug)]
pub struct Knobs {
    /// Seed of what the path does.
    pub seed: u64,
    /// Bytes of memory of each link.
    pub memory: u64,
    /// Streams either side may have open.
    pub streams: usize,
    /// Bytes that one write operation adds at the most.
    pub write: usize,
}

impl Default for Knobs {
    fn default() -> Self {
        Self { seed: 1, memory: 4 << 20, streams: 50, write: 40_000 }
    }
}

/// Runs the operations that `bytes` spell, three bytes each.
///
/// # Panics
/// If the link does not do what it must.
pub fn run_streams(bytes: &[u8]) {
    let seed = bytes.iter().fold(0, |seed: u64, byte| seed.wrapping_mul(31).wrapping_add(u64::from(*byte)));
    run_streams_with(Knobs { seed, ..Knobs::default() }, bytes);
}

/// [`run_streams`] with other knobs.
///
/// # Panics
/// If the link does not do what it must.
pub fn run_streams_with(knobs: Knobs, bytes: &[u8]) {
    let mut model = StreamsModel::new(knobs);
    for operation in bytes.chunks_exact(3) {
        model.operate(operation[0], operation[1], operation[2]);
        model.settle();
    }
    model.wind_up();
}

struct StreamsModel {
    knobs: Knobs,
    pair: Pair<FuzzedSide, FuzzedSide>,
}

/// From one end to the other until an operation changes it.
const DELAY: Duration = Duration::from_millis(5);

/// Packets that come late, and by how many delays at the most.
const LATE: (f64, u32) = (0.16, 4);

/// A share of 256.
fn share(amount: u8) -> f64 {
    f64::from(amount) / 256.0
}

fn set_delay(path: &mut Path, delay: Duration) {
    (path.delay, path.reorder, path.reorder_by) = (delay, LATE.0, delay * LATE.1);
}

impl StreamsModel {
    fn new(knobs: Knobs) -> Self {
        let settings = Settings {
            max_streams: knobs.streams,
            memory: knobs.memory,
            max_datagram: 1_472,
            ..Settings::default()
        };
        // Two links of one process, which holds less than both may: each feels what the other holds.
        let budget = Budget::new(if knobs.seed.is_multiple_of(2) { knobs.memory * 4 } else { knobs.memory });
        let [client, server] =
            [table::Side::Client, table::Side::Server].map(|side| FuzzedSide::new(side, settings, &budget));
        let mut network = Network::new(knobs.seed, Path::default());
        network.change(|path| set_delay(path, DELAY));
        Self { knobs, pair: Pair::new(network, client, server) }
    }

    fn operate(&mut self, kind: u8, which: u8, amount: u8) {
        let stream = usize::from(which >> 1);
        let now = self.pair.now;
        let FuzzedSide { transport, application, .. } = self.pair.end(usize::from(which & 1));
        match kind % 16 {
            0 | 1 => application.open(transport),
            2..=4 => application.write(stream, usize::from(amount) * self.knobs.write / 256),
            5 => application.finish(stream),
            6 => application.reset(now, transport, stream, amount),
            7 | 8 => application.read(now, transport, stream, usize::from(amount) * 100),
            9 => application.pause(stream, amount & 1 == 1),
            10..=12 => self.advance(Duration::from_micros(u64::from(amount).pow(2) * 10)),
            13 => self.advance(Duration::from_millis(u64::from(amount) * 20)),
            14 => self.pair.network.change(|path| change(path, which, amount)),
            _ => self.operate_flows(stream, usize::from(which & 1), amount),
        }
    }

    fn operate_flows(&mut self, which: usize, at: usize, amount: u8) {
        let now = self.pair.now;
        let FuzzedSide { transport, application, .. } = self.pair.end(at);
        match amount {
            0..8 => transport.on_new_path(),
            8..16 => transport.probe(),
            16..64 => application.flows.open(transport),
            64..72 => application.flows.reset(now, transport, which),
            // Some are too large for a packet.
            _ => application.flows.send(now, transport, which, (usize::from(amount) - 72).pow(2)),
        }
    }

    /// Everything that is due now.
    fn settle(&mut self) {
        for _ in 0..30 {
            let busy = self.pair.round();
            let (client, server) = (&self.pair.client.application, &self.pair.server.application);
            client.compare(server);
            server.compare(client);
            if !busy {
                return;
            }
        }
    }

    fn advance(&mut self, time: Duration) {
        let end = self.pair.now + time;
        while self.pair.now < end {
            self.pair.now = self.pair.next().max(self.pair.now + Duration::from_micros(1)).min(end);
            self.settle();
        }
    }

    /// The path heals, everybody finishes and reads; soon there must be nothing left.
    fn wind_up(&mut self) {
        self.pair.network.change(|path| (path.loss, path.duplicate, path.mtu) = (0.0, 0.0, 1_472));
        self.pair.client.application.wind_up();
        self.pair.server.application.wind_up();
        let end = self.pair.now + Duration::from_secs(600);
        self.settle();
        while !self.pair.ends().iter().all(|side| side.is_empty()) {
            let next = self.pair.next();
            assert!(next < end, "nothing happens any more, but something is left: {self}");
            self.pair.now = next.max(self.pair.now + Duration::from_micros(1));
            self.settle();
        }
        for side in self.pair.ends() {
            assert_eq!(side.transport.promised(), 0, "promises are left");
            side.application.assert_complete();
        }
    }
}

/// Both ways do something else from now on.
fn change(path: &mut Path, which: u8, amount: u8) {
    match which % 4 {
        0 => path.loss = share(amount / 2),
        1 => path.loss = f64::from(amount & 1),
        2 => (path.duplicate, path.mtu) = (share(amount / 4), 1_150 + usize::from(amount) * 4 + OVERHEAD),
        _ => set_delay(path, Duration::from_micros(u64::from(amount) * 700)),
    }
}

impl std::fmt::Display for StreamsModel {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{:?}, {}, {}", self.knobs, self.pair.client, self.pair.server)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(600))]

        #[test]
        fn anything_goes(bytes in prop::collection::vec(any::<u8>(), 0..360)) {
            run_streams(&bytes);
        }
    }

    /// Operations of which a third are of flows.
    fn with_flows() -> impl Strategy<Value = Vec<u8>> {
        let kind = prop::sample::select(vec![15, 15, 15, 10, 11, 14, 1, 3, 7]);
        let operations = prop::collection::vec((kind, any::<u8>(), any::<u8>()), 0..150);
        operations
            .prop_map(|all| all.into_iter().flat_map(|(kind, which, amount)| [kind, which, amount]).collect())
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(400))]

        #[test]
        fn flows_among_streams(seed in any::<u64>(), little in any::<bool>(), bytes in with_flows()) {
            let memory = if little { 512 << 10 } else { Knobs::default().memory };
            run_streams_with(Knobs { seed, memory, ..Knobs::default() }, &bytes);
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(150))]

        #[test]
        fn little_memory_is_enough(seed in any::<u64>(), bytes in prop::collection::vec(any::<u8>(), 0..360)) {
            run_streams_with(Knobs { seed, memory: 512 << 10, ..Knobs::default() }, &bytes);
        }
    }
}
