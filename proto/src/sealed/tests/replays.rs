//! Whoever sends old initiations again, in whatever order, from wherever, makes no link twice.

use std::collections::BTreeSet;
use std::time::Duration;

use super::pair::*;
use crate::sealed::crypto::random::Random;
use crate::sealed::handshake::initiator::Outcome;
use crate::sealed::handshake::responder::{Responder, Settings, Verdict};
use crate::sealed::handshake::terms::{Epoch, Incarnation, LinkId};

/// Seeds of the property below; each makes [`STEPS`] moves.
const SEEDS: u8 = 24;
const STEPS: u32 = 300;
const HOUR: i64 = 3_600_000_000;

/// An initiation that was sent, and by which process of proxy2 it was taken last.
struct Sent {
    bytes: Vec<u8>,
    taken_by: Option<u64>,
}

struct World {
    pair: Pair,
    chance: Random,
    sent: Vec<Sent>,
    /// Processes of proxy2 so far.
    processes: u64,
}

impl World {
    fn new(seed: u8) -> Self {
        // More handshakes than the moves below take, so that no limit hides a fault.
        let pair = Pair::with(false, AES, Settings { handshakes_per_second: 1_000_000, ..settings(AES) });
        Self { pair, chance: Random::from_seed([seed; 32]), sent: Vec::new(), processes: 1 }
    }

    fn below(&mut self, number: u32) -> u32 {
        self.chance.u32() % number
    }

    /// One move of somebody.
    fn step(&mut self) {
        match self.below(20) {
            0 => self.restart(),
            1 => self.pair.skew = [-HOUR, -1, 0, 1, HOUR, 24 * HOUR][self.below(6) as usize],
            2 => {
                let link = u64::from(self.below(4));
                self.pair.initiator.set_link(LinkId(link));
            }
            3..=8 => self.ask(),
            _ => self.replay(),
        }
        let pause = [0, 1, 300, 1_000, 20_000, 90_000][self.below(6) as usize];
        self.pair.pass(Duration::from_millis(pause));
    }

    fn restart(&mut self) {
        self.processes += 1;
        let settings =
            Settings { epoch: Epoch(self.processes), handshakes_per_second: 1_000_000, ..settings(AES) };
        let random = Random::from_seed(*self.chance.block());
        self.pair.responder = Responder::new(self.pair.now, server_key(), settings, random);
        self.pair.responder.allow(self.pair.ticket.client(), None);
    }

    /// proxy1 asks; the initiation or its response may be lost.
    fn ask(&mut self) {
        let bytes = self.pair.ask();
        self.sent.push(Sent { bytes, taken_by: None });
        if self.below(4) > 0 {
            self.deliver(self.sent.len() - 1, 1);
        }
    }

    fn replay(&mut self) {
        if self.sent.is_empty() {
            return;
        }
        let which = self.below(u32::try_from(self.sent.len()).unwrap()) as usize;
        let from = 1 + u8::try_from(self.below(3)).unwrap();
        self.deliver(which, from);
    }

    /// An initiation arrives, and its response perhaps.
    fn deliver(&mut self, which: usize, from: u8) {
        let arrives = self.below(4) > 0;
        let Pair { responder, now, unix, .. } = &mut self.pair;
        let sent = &mut self.sent[which];
        let response = match responder.handle(*now, *unix, address(from, 5_000), &sent.bytes) {
            Verdict::Request(request) => {
                assert_ne!(sent.taken_by, Some(self.processes), "initiation {which} makes a second link");
                sent.taken_by = Some(self.processes);
                request.accept(SERVER_INDEX, Incarnation(0), SERVER_LIMITS).0
            }
            Verdict::Refused { response, .. } => response,
            Verdict::Drop(_) | Verdict::Cookie(_) => return,
        };
        // The response to an initiation of long ago opens for nobody, wherever it goes.
        if arrives {
            self.pair.tell(&response);
        }
    }

    /// In the end proxy1 still gets in.
    fn assert_open(&mut self) {
        self.pair.pass(Duration::from_secs(2));
        for _ in 0..3 {
            let initiation = self.pair.ask();
            let response = match self.pair.hear(&initiation) {
                Verdict::Request(request) => request.accept(SERVER_INDEX, Incarnation(0), SERVER_LIMITS).0,
                Verdict::Refused { response, .. } => response,
                verdict @ (Verdict::Drop(_) | Verdict::Cookie(_)) => panic!("{verdict:?}"),
            };
            if matches!(self.pair.tell(&response), Outcome::Established(_)) {
                return;
            }
        }
        panic!("kept out");
    }
}

#[test]
fn no_initiation_makes_a_link_twice_in_a_process_and_nobody_is_kept_out() {
    let mut both = BTreeSet::new();
    for seed in 0..SEEDS {
        let mut world = World::new(seed);
        (0..STEPS).for_each(|_| world.step());
        world.assert_open();
        both.extend(world.sent.iter().map(|sent| sent.taken_by.is_some()));
    }
    assert_eq!(both.len(), 2, "some initiations were taken, and some never");
}

/// What the sender of an old initiation gets of it is nothing that he can read, and a link that he cannot use.
#[test]
fn after_a_restart_only_the_stamp_makes_an_old_initiation_good() {
    let mut pair = Pair::new();
    let initiation = pair.ask();
    request(pair.hear(&initiation));
    pair.responder = responder(Settings { epoch: Epoch(100), ..settings(AES) });
    pair.responder.allow(pair.ticket.client(), None);
    pair.pass(Duration::from_secs(601));
    assert!(why_refused(pair.hear(&initiation)).is_some());
}
