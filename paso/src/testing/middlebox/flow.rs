//! The datagrams of one proxy1, both ways.

use std::collections::BTreeMap;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use tokio::net::UdpSocket;
use tokio::sync::mpsc;
use tokio::time::{Instant, sleep_until};

use super::{Shared, Way, socket};

/// How long a reordered datagram is held back.
const HELD_BACK: Duration = Duration::from_millis(3);

/// One proxy1 and the socket that stands for it towards the proxy2.
pub(super) struct Flow {
    number: u64,
    proxy1: SocketAddr,
    /// Where the proxy1 sends to, and gets its answers from.
    inside: Arc<UdpSocket>,
    shared: Arc<Shared>,
    /// Datagrams seen, up and down: the argument of every decision.
    seen: [u64; 2],
    /// What waits, by the time it is due; the number keeps the order of those due together.
    waiting: BTreeMap<(Instant, u64), (Way, Vec<u8>)>,
    enqueued: u64,
}

impl Flow {
    pub(super) fn new(number: u64, proxy1: SocketAddr, inside: Arc<UdpSocket>, shared: Arc<Shared>) -> Self {
        Self { number, proxy1, inside, shared, seen: [0; 2], waiting: BTreeMap::new(), enqueued: 0 }
    }

    /// Forwards until the middlebox ends.
    pub(super) async fn run(mut self, mut incoming: mpsc::UnboundedReceiver<Vec<u8>>) {
        let (wake, mut rebind) = mpsc::unbounded_channel();
        self.shared.with(|state| state.rebind.push(wake));
        let mut outside = self.bind();
        let mut buffer = vec![0; 1 << 16];
        loop {
            let due = self.waiting.first_key_value().map(|((due, _), _)| *due);
            tokio::select! {
                datagram = incoming.recv() => match datagram {
                    Some(datagram) => {
                        if self.changes_port() {
                            outside = self.bind();
                        }
                        self.decide(Way::Up, &datagram, &outside).await;
                    }
                    None => return,
                },
                received = outside.recv(&mut buffer) => {
                    // An error is an ICMP answer: the proxy2 is not there at the moment.
                    if let Ok(length) = received {
                        self.decide(Way::Down, &buffer[..length], &outside).await;
                    }
                }
                Some(()) = rebind.recv() => outside = self.bind(),
                () = sleep_until(due.unwrap_or_else(Instant::now)), if due.is_some() => self.send_due(&outside).await,
            }
        }
    }

    fn changes_port(&self) -> bool {
        let each = self.shared.with(|state| state.rebind_each);
        each.is_some_and(|each| self.seen[Way::Up as usize] % each == each - 1)
    }

    fn bind(&self) -> UdpSocket {
        let bound = socket(self.shared.exit).and_then(|outside| {
            let socket = socket2::SockRef::from(&outside);
            socket.connect(&self.shared.exit.into())?;
            Ok::<_, io::Error>(outside)
        });
        bound.expect("loopback has free ports")
    }

    /// Decides about one datagram, as a function of the seed, the flow, the way and its number.
    async fn decide(&mut self, way: Way, datagram: &[u8], outside: &UdpSocket) {
        let seen = &mut self.seen[way as usize];
        let index = *seen << 1 | u64::from(way == Way::Down);
        *seen += 1;
        let seed = self.shared.seed.wrapping_add(self.number);
        let (weather, is_dead, ruled_out) = self.shared.with(|state| {
            let ruled_out = state.rules.iter_mut().any(|rule| rule(way, datagram));
            (state.weather, self.number < state.dead_before, ruled_out)
        });
        let (mut copies, mut delay) = (0, Duration::ZERO);
        self.shared.counts.send_modify(|counts| {
            let counts = &mut counts[way as usize];
            counts.received += 1;
            let dropped = if ruled_out {
                Some(&mut counts.ruled_out)
            } else if weather.blackout || is_dead {
                Some(&mut counts.blacked_out)
            } else {
                (chance(seed, index, 1) < weather.loss).then_some(&mut counts.lost)
            };
            if let Some(counter) = dropped {
                *counter += 1;
                return;
            }
            let duplicate = u64::from(chance(seed, index, 2) < weather.duplicate);
            let reorder = chance(seed, index, 3) < weather.reorder;
            counts.duplicated += duplicate;
            counts.reordered += u64::from(reorder);
            counts.forwarded += 1 + duplicate;
            copies = 1 + duplicate;
            delay = weather.delay + if reorder { HELD_BACK } else { Duration::ZERO };
        });
        for _ in 0..copies {
            if delay.is_zero() {
                self.send(way, datagram, outside).await;
            } else {
                self.enqueued += 1;
                self.waiting.insert((Instant::now() + delay, self.enqueued), (way, datagram.to_vec()));
            }
        }
    }

    async fn send_due(&mut self, outside: &UdpSocket) {
        let now = Instant::now();
        while let Some(first) = self.waiting.first_entry().filter(|first| first.key().0 <= now) {
            let (way, datagram) = first.remove();
            self.send(way, &datagram, outside).await;
        }
    }

    async fn send(&self, way: Way, datagram: &[u8], outside: &UdpSocket) {
        // What cannot be sent is lost, as in any network; an ICMP answer to an earlier datagram takes the place of
        // one result, so try twice.
        for _ in 0..2 {
            let sent = match way {
                Way::Up => outside.send(datagram).await,
                Way::Down => self.inside.send_to(datagram, self.proxy1).await,
            };
            if sent.is_ok() {
                return;
            }
        }
    }
}

/// A number from 0 to 1 that depends on its arguments alone: the decision of a bad network about one datagram.
fn chance(seed: u64, index: u64, question: u64) -> f64 {
    let mut z =
        seed ^ index.wrapping_mul(0x9E37_79B9_7F4A_7C15) ^ question.wrapping_mul(0xD1B5_4A32_D192_ED03);
    z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    ((z ^ (z >> 31)) >> 11) as f64 / (1_u64 << 53) as f64
}
