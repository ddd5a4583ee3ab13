//! Two hosts, the network between them, and the clock of all three.

use super::host::Host;
use super::network::Network;
use crate::time::Time;
use std::time::Duration;

/// No timer of a real system is finer.
const TICK: Duration = Duration::from_micros(1);

/// Rounds in one moment, after which time goes on although somebody still has something to say.
const ROUNDS: u32 = 30;

/// Moments in a row that a timer may be in the past without anything to do.
const SPINS: u32 = 1_000;

/// Two hosts on a virtual clock.
#[derive(Debug)]
pub struct Pair<C, S> {
    /// What time it is.
    pub now: Time,
    /// The one that begins.
    pub client: C,
    /// The other.
    pub server: S,
    /// What is between them.
    pub network: Network,
    /// Both hosts are busy with other things, and look only once in so long.
    pub nap: Duration,
    spins: u32,
}

/// When simulations start: not at the epoch, so that there is a time before.
pub const START: Time = Time::from_nanos(1_000_000_000);

impl<C: Host, S: Host> Pair<C, S> {
    /// It is one second after the epoch.
    pub const fn new(network: Network, client: C, server: S) -> Self {
        Self { now: START, client, server, network, nap: Duration::ZERO, spins: 0 }
    }

    /// Each host takes in what has arrived, does what is due and sends; the client first. False if nothing arrived or left.
    pub fn round(&mut self) -> bool {
        self.turn_of_client() | self.turn_of_server()
    }

    /// The client alone does.
    pub fn turn_of_client(&mut self) -> bool {
        let (now, network, mut busy) = (self.now, &mut self.network, false);
        while let Some((with, mut datagram)) = network.arrive_at_client(now) {
            self.client.handle(now, with.from, with.ecn, &mut datagram);
            busy = true;
        }
        self.client.drive(now, &mut |over, ecn, datagram| {
            network.send_from_client(now, over, ecn, datagram);
            busy = true;
        });
        busy
    }

    /// The server alone does.
    pub fn turn_of_server(&mut self) -> bool {
        let (now, network, mut busy) = (self.now, &mut self.network, false);
        while let Some((with, mut datagram)) = network.arrive_at_server(now) {
            self.server.handle(now, with.from, with.ecn, &mut datagram);
            busy = true;
        }
        self.server.drive(now, &mut |over, ecn, datagram| {
            network.send_from_server(now, over, ecn, datagram);
            busy = true;
        });
        busy
    }

    /// Everything that is due now.
    pub fn settle(&mut self) {
        for _ in 0..ROUNDS {
            if !self.round() {
                return;
            }
        }
    }

    /// When something happens next by itself.
    pub fn next(&self) -> Time {
        let hosts = self.client.poll_timeout(self.now).min(self.server.poll_timeout(self.now));
        hosts.min(self.network.next())
    }

    /// Runs until `done`, for at most `limit` of virtual time; true if done.
    ///
    /// # Panics
    /// If a host wants to be driven for a moment that is over, again and again, and has nothing to send.
    pub fn run_until(&mut self, limit: Duration, mut done: impl FnMut(&Self) -> bool) -> bool {
        let end = self.now + limit;
        loop {
            self.settle();
            if done(self) {
                return true;
            }
            let next = self.next().max(self.now + self.nap);
            assert!(next > self.now || self.spins < SPINS, "a timer in the past with nothing to do");
            self.spins = if next > self.now { 0 } else { self.spins + 1 };
            if next > end {
                self.now = end;
                return false;
            }
            self.now = next.max(self.now + TICK);
        }
    }

    /// Lets `time` pass.
    pub fn run_for(&mut self, time: Duration) {
        self.run_until(time, |_| false);
    }
}

impl<E: Host> Pair<E, E> {
    /// The client, then the server.
    pub const fn ends(&self) -> [&E; 2] {
        [&self.client, &self.server]
    }

    /// 0: the client; else the server.
    pub const fn end(&mut self, at: usize) -> &mut E {
        if at == 0 { &mut self.client } else { &mut self.server }
    }
}
