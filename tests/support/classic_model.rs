//! Random operations on an exit and three entries with a bad network between them, on a virtual clock. Every step is
//! compared with a [`Reference`](reference::Reference); at the end the network is repaired, time passes and nothing may be left.
//!
//! [`run`] takes any bytes: tests give it random ones, fuzz targets what the fuzzer finds.

mod network;
mod reference;
mod sides;
mod tags;

use std::time::Duration;

use proto::Time;
use proto::classic::Settings;

use network::{Network, To};
use reference::{Input, Output};
use sides::{EntrySide, ExitSide};
use tags::Tags;

/// How many proxy1s there are; the exit serves one less.
const ENTRIES: u8 = 3;

/// Runs one story: the first byte chooses the network, the next eight its seed, the others the operations.
///
/// # Panics
/// If a table does not do what the protocol says.
pub fn run(story: &[u8]) {
    let Some((&network, story)) = story.split_first() else { return };
    let Some((seed, operations)) = story.split_first_chunk() else { return };
    let mut world = World::new(network, u64::from_le_bytes(*seed));
    for &[operation, argument] in operations.as_chunks().0 {
        world.operate(operation, argument);
    }
    world.come_to_rest();
}

/// Throws bytes at both tables: each datagram is preceded by a byte that says how long it is and by one that says what happens
/// before it. They must do what the tables of the protocol say, and nothing else.
///
/// # Panics
/// If they do not.
pub fn run_datagrams(mut bytes: &[u8]) {
    let mut world = World::new(0, 0);
    world.tags = Tags::none();
    while let Some((&[length, before], rest)) = bytes.split_first_chunk() {
        let (datagram, rest) = rest.split_at_checked(usize::from(length)).unwrap_or((rest, &[]));
        let name = before % ENTRIES;
        match before / ENTRIES {
            0 => world.at_entry(name, Input::Client),
            1 => world.at_exit_dial(name, usize::from(length), Input::Accepted),
            2 => world.pass(step_of(length)),
            _ => {}
        }
        world.at_entry(name, Input::Datagram(datagram));
        world.at_exit(name, Input::Datagram(datagram));
        bytes = rest;
    }
    world.come_to_rest();
}

/// A clock, three entries, an exit and what is between them.
struct World {
    now: Time,
    network: Network,
    entries: Vec<EntrySide>,
    exit: ExitSide,
    tags: Tags,
    /// Whether forged datagrams are thrown in.
    garbage: bool,
}

impl World {
    fn new(network: u8, seed: u64) -> Self {
        let (between, perfect) = match network % 4 {
            0 => (network::perfect(seed), true),
            1 => (network::lossy(seed), false),
            _ => (network::bad(seed), false),
        };
        let early_limit = if perfect { 1 << 16 } else { 5 * tags::LEN };
        let settings = Settings { early_limit, max_peers: usize::from(ENTRIES - 1), ..Settings::default() };
        Self {
            now: Time::ZERO,
            network: between,
            entries: (0..ENTRIES).map(|name| EntrySide::new(name, settings.clone())).collect(),
            exit: ExitSide::new(ENTRIES, settings),
            tags: Tags::new(perfect),
            garbage: network % 4 == 3,
        }
    }

    /// One operation of a local side, of time or of a forger.
    fn operate(&mut self, operation: u8, argument: u8) {
        let name = argument % ENTRIES;
        let pick = usize::from(argument / ENTRIES);
        match operation % 20 {
            0..=3 => self.at_entry(name, Input::Client),
            4 => self.at_picked(name, pick, Input::Fin),
            5 => self.at_picked(name, pick, Input::Reset),
            6..=8 => self.entry_sends(name, pick),
            9..=11 => self.at_exit_dial(name, pick, Input::Accepted),
            12 => self.at_exit_dial(name, pick, Input::Refused),
            13 => self.at_exit_open(name, pick, Input::Fin),
            14 => self.at_exit_open(name, pick, Input::Reset),
            15..=17 => self.exit_sends(name, pick),
            18 => self.rare(name, argument),
            _ => self.pass(step_of(argument)),
        }
    }

    fn rare(&mut self, name: u8, argument: u8) {
        match argument {
            0..16 => self.at_entry(name, Input::Shutdown),
            16..24 => self.at_all_of_exit(Input::Shutdown),
            24..96 => {
                self.entries[usize::from(name)].use_a_dead_name(self.now);
                self.exit.use_a_dead_name(self.now);
            }
            _ if self.garbage => self.forge(name, argument),
            _ => self.pass(Duration::from_millis(21)),
        }
    }

    fn at_entry(&mut self, name: u8, input: Input<'_>) {
        let outputs = self.entries[usize::from(name)].step(self.now, input, &mut self.tags);
        self.carry(To::Exit(name), &outputs);
    }

    fn at_exit(&mut self, name: u8, input: Input<'_>) {
        let outputs = self.exit.step(self.now, name, input, &mut self.tags);
        self.carry(To::Entry(name), &outputs);
    }

    fn at_all_of_exit(&mut self, input: Input<'_>) {
        for (name, outputs) in self.exit.step_all(self.now, input) {
            self.carry(To::Entry(name), &outputs);
        }
    }

    fn at_picked(&mut self, name: u8, pick: usize, input: fn(u8) -> Input<'static>) {
        if let Some(id) = self.entries[usize::from(name)].pick(pick) {
            self.at_entry(name, input(id));
        }
    }

    fn at_exit_dial(&mut self, name: u8, pick: usize, input: fn(u8) -> Input<'static>) {
        if let Some(id) = self.exit.pick(name, pick, false) {
            self.at_exit(name, input(id));
        }
    }

    fn at_exit_open(&mut self, name: u8, pick: usize, input: fn(u8) -> Input<'static>) {
        if let Some(id) = self.exit.pick(name, pick, true) {
            self.at_exit(name, input(id));
        }
    }

    /// May send before the answer, as some entries do.
    fn entry_sends(&mut self, name: u8, pick: usize) {
        let side = &mut self.entries[usize::from(name)];
        let Some(id) = side.pick(pick) else { return };
        let datagram = self.tags.datagram(name, id, tags::Way::ToExit, side.serial(id));
        self.network.send(self.now, To::Exit(name), &datagram);
        self.at_entry(name, Input::Sent(id));
    }

    fn exit_sends(&mut self, name: u8, pick: usize) {
        let Some(id) = self.exit.pick(name, pick, true) else { return };
        let datagram = self.tags.datagram(name, id, tags::Way::ToEntry, self.exit.serial(name, id));
        self.network.send(self.now, To::Entry(name), &datagram);
        self.at_exit(name, Input::Sent(id));
    }

    /// A datagram nobody sent: malformed ones, and control frames for any id.
    fn forge(&mut self, name: u8, argument: u8) {
        let id = b'0' + argument % 10;
        let forged: [&[u8]; 9] = [
            b"",
            b"C",
            b"Z0",
            b"Dx",
            &[b'C', id],
            &[b'X', id],
            &[b'C', id, b'O', b'K'],
            b"C3NOK",
            &[b'D', id],
        ];
        let datagram = forged[usize::from(argument) % forged.len()];
        self.at_entry(name, Input::Datagram(datagram));
        self.at_exit(name, Input::Datagram(datagram));
    }

    fn carry(&mut self, to: To, outputs: &[Output]) {
        for output in outputs {
            if let Output::Send(datagram) = output {
                self.network.send(self.now, to, datagram);
            }
        }
    }

    /// Lets time pass: arrivals and timers in their order.
    fn pass(&mut self, time: Duration) {
        let end = self.now + time;
        while let Some(at) = self.next_moment().filter(|&at| at <= end) {
            self.now = self.now.max(at);
            self.happen();
        }
        self.now = end;
    }

    fn next_moment(&self) -> Option<Time> {
        let timers = self.entries.iter().filter_map(EntrySide::timeout).chain(self.exit.timeout());
        timers.chain(Some(self.network.next()).filter(|at| *at < Time::NEVER)).min()
    }

    /// Everything that is due now, arrivals first.
    fn happen(&mut self) {
        while let Some((to, datagram)) = self.network.arrive(self.now) {
            match to {
                To::Entry(name) => self.at_entry(name, Input::Datagram(&datagram)),
                To::Exit(name) => self.at_exit(name, Input::Datagram(&datagram)),
            }
        }
        for name in 0..ENTRIES {
            if self.entries[usize::from(name)].timeout().is_some_and(|at| at <= self.now) {
                self.at_entry(name, Input::Tick);
            }
        }
        if self.exit.timeout().is_some_and(|at| at <= self.now) {
            self.at_all_of_exit(Input::Tick);
        }
    }

    /// However bad the network was, once the local sides are silent no stream stays for ever.
    fn come_to_rest(&mut self) {
        let moments = 2_000;
        for _ in 0..moments {
            let Some(at) = self.next_moment() else { break };
            self.now = self.now.max(at);
            self.happen();
        }
        assert_eq!(self.next_moment(), None, "something still happens after {moments} moments");
        self.entries.iter().for_each(EntrySide::assert_empty);
        self.exit.assert_empty();
    }
}

/// Steps around every limit of the protocol.
fn step_of(argument: u8) -> Duration {
    let steps = [1, 5, 10, 20, 21, 40, 41, 100, 200, 299, 300, 301, 700, 1_000, 1_001, 5_000];
    match argument {
        0..4 => Duration::from_secs(150),
        4 => Duration::from_secs(301),
        _ => Duration::from_millis(steps[usize::from(argument) % steps.len()]),
    }
}
