//! Two transports, a bad path, and applications that do anything in any order, against a model of what TCP means.
//!
//! The model knows what each application wrote, finished and reset. It checks that the other one reads the same bytes in
//! the same order and no others, hears of the end only behind all bytes and of a reset with its code, that applications
//! which wait for events are never forgotten, that memory stays below its cap, and that the link ends idle and empty.

mod application;
mod path;

use crate::sealed::Side;
use crate::sealed::streams::budget::Budget;
use crate::sealed::transport::{Settings, Transport};
use crate::time::Time;
use application::Application;
use path::Path;
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
    let mut model = Model::new(knobs);
    for operation in bytes.chunks_exact(3) {
        model.operate(operation[0], operation[1], operation[2]);
        model.settle();
    }
    model.wind_up();
}

struct Model {
    knobs: Knobs,
    now: Time,
    ends: [(Transport, Application); 2],
    path: Path,
}

impl Model {
    fn new(knobs: Knobs) -> Self {
        let settings = Settings {
            max_streams: knobs.streams,
            memory: knobs.memory,
            max_datagram: 1_472,
            ..Settings::default()
        };
        // Two links of one process, which holds less than both may: each feels what the other holds.
        let budget = Budget::new(if knobs.seed.is_multiple_of(2) { knobs.memory * 4 } else { knobs.memory });
        let end = |side| {
            let mut transport = Transport::new(side, settings);
            transport.join(&budget);
            transport.set_peer_limits(&Transport::limits(&settings));
            (transport, Application::default())
        };
        Self {
            knobs,
            now: Time::ZERO + Duration::from_secs(1),
            ends: [end(Side::Client), end(Side::Server)],
            path: Path::new(knobs.seed),
        }
    }

    fn operate(&mut self, kind: u8, which: u8, amount: u8) {
        let at = usize::from(which & 1);
        let stream = usize::from(which >> 1);
        let (transport, application) = &mut self.ends[at];
        match kind % 16 {
            0 | 1 => application.open(transport),
            2..=4 => application.write(stream, usize::from(amount) * self.knobs.write / 256),
            5 => application.finish(stream),
            6 => application.reset(self.now, transport, stream, amount),
            7 | 8 => application.read(self.now, transport, stream, usize::from(amount) * 100),
            9 => application.pause(stream, amount & 1 == 1),
            10..=12 => self.advance(Duration::from_micros(u64::from(amount).pow(2) * 10)),
            13 => self.advance(Duration::from_millis(u64::from(amount) * 20)),
            14 => self.path.change(which, amount),
            _ if amount < 8 => transport.on_new_path(),
            _ => transport.probe(),
        }
    }

    /// Everything that is due now.
    fn settle(&mut self) {
        for _ in 0..30 {
            let mut busy = false;
            for at in 0..2 {
                while let Some((number, payload)) = self.path.arrive(1 - at, self.now) {
                    let fault = self.ends[at].0.handle_packet(self.now, number, &payload);
                    assert!(fault.is_ok(), "{self}: an honest peer was called faulty: {fault:?}");
                    busy = true;
                }
                let (transport, application) = &mut self.ends[at];
                transport.handle_timeout(self.now);
                application.work(self.now, transport);
                let mut out = [0; 1_500];
                while let Some(built) = transport.poll_packet(self.now, &mut out) {
                    self.path.send(at, self.now, built.number, &out[..built.length]);
                    busy = true;
                }
                let memory = transport.memory() as u64;
                assert!(memory <= self.knobs.memory, "{memory} bytes held, {self}");
                transport.check_accounts();
            }
            self.compare();
            if !busy {
                return;
            }
        }
    }

    fn compare(&mut self) {
        let [(_, client), (_, server)] = &mut self.ends;
        client.compare(server);
        server.compare(client);
    }

    fn next(&self) -> Time {
        let timers = self.ends.iter().map(|(transport, _)| transport.poll_timeout());
        timers.chain([self.path.next()]).min().unwrap_or(Time::NEVER)
    }

    fn advance(&mut self, time: Duration) {
        let end = self.now + time;
        while self.now < end {
            self.now = self.next().max(self.now + Duration::from_micros(1)).min(end);
            self.settle();
        }
    }

    /// The path heals, everybody finishes and reads; soon there must be nothing left.
    fn wind_up(&mut self) {
        self.path.heal();
        for (_, application) in &mut self.ends {
            application.wind_up();
        }
        let end = self.now + Duration::from_secs(600);
        self.settle();
        while !self.is_empty() {
            let next = self.next();
            assert!(next < end, "nothing happens any more, but something is left: {self}");
            self.now = next.max(self.now + Duration::from_micros(1));
            self.settle();
        }
        for (transport, application) in &self.ends {
            assert_eq!(transport.promised(), 0, "promises are left");
            application.assert_complete();
        }
    }

    fn is_empty(&self) -> bool {
        self.ends.iter().all(|(transport, application)| {
            transport.is_idle() && transport.memory() == 0 && application.is_empty()
        })
    }
}

impl std::fmt::Display for Model {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let [(one, client), (other, server)] = &self.ends;
        let state = |transport: &Transport| {
            (
                transport.stream_count(),
                transport.memory(),
                transport.is_waiting(),
                transport.is_idle(),
                transport.counts(),
            )
        };
        write!(
            f,
            "{:?}, {:?}, {:?}, {client:?}, {server:?} {} {}",
            self.knobs,
            state(one),
            state(other),
            one.describe(),
            other.describe()
        )
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

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(150))]

        #[test]
        fn little_memory_is_enough(seed in any::<u64>(), bytes in prop::collection::vec(any::<u8>(), 0..360)) {
            run_streams_with(Knobs { seed, memory: 512 << 10, ..Knobs::default() }, &bytes);
        }
    }
}
