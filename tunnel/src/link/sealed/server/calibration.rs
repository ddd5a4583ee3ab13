//! How many handshakes this machine may do, measured when proxy2 starts: what one costs differs by a factor of ten between
//! processors.

use std::net::{Ipv4Addr, SocketAddr};
use std::time::{Duration, Instant};

use proto::Time;
use proto::sealed::crypto::cipher::CipherSupport;
use proto::sealed::crypto::keys::PrivateKey;
use proto::sealed::crypto::random::Random;
use proto::sealed::handshake::initiator::{Identity, Initiator};
use proto::sealed::handshake::responder::{self, CLOCK_TOLERANCE, Responder, Verdict};
use proto::sealed::handshake::terms::{Epoch, Features, Incarnation, Instance, Limits, LinkId, UnixMicros};
use proto::ticket::Ticket;
use tracing::debug;

/// What handshakes may take of one core: a flood of them leaves three quarters to the links that are up.
const CORE_SHARE: Duration = Duration::from_millis(250);
/// The fewest a second: a slow machine spends more of its core rather than keep its own proxy1s waiting after a restart.
const FEWEST: u128 = 50;
/// The most a second: each makes a link, which costs more than is measured here.
const MOST: u128 = 2_000;
/// What the measurement may take; the start of proxy2 waits for it.
const TIME: Duration = Duration::from_millis(10);
/// Handshakes that are timed at most. The quickest counts: any of the others may have been interrupted.
const SAMPLES: usize = 8;

/// The handshakes a second that take a quarter of one core of this machine.
pub(crate) fn handshakes_per_second() -> u32 {
    let (start, example) = (Instant::now(), Example::new());
    let cost = quickest(|| start.elapsed(), || example.prepare());
    let rate = rate(cost);
    debug!(
        handshakes = rate,
        microseconds = cost.as_micros(),
        "handshakes a second, from what one costs here"
    );
    rate
}

/// How many take the share of a core, if each takes `cost`.
fn rate(cost: Duration) -> u32 {
    let rate = (CORE_SHARE.as_nanos() / cost.as_nanos().max(1)).clamp(FEWEST, MOST);
    u32::try_from(rate).unwrap_or(u32::MAX)
}

/// How long the quickest of some takes. `now` is a clock that began before all this; what `prepare` does is not counted.
fn quickest<W: FnOnce()>(mut now: impl FnMut() -> Duration, mut prepare: impl FnMut() -> W) -> Duration {
    let mut least = Duration::MAX;
    for _ in 0..SAMPLES {
        let work = prepare();
        let before = now();
        work();
        let after = now();
        least = least.min(after.saturating_sub(before));
        if after + least > TIME {
            break;
        }
    }
    least
}

/// A handshake with keys that nobody else has.
struct Example {
    key: PrivateKey,
    ticket: Ticket,
    initiation: Vec<u8>,
}

impl Example {
    const UNIX: UnixMicros = UnixMicros(0);
    const CIPHERS: CipherSupport = CipherSupport { aes: false };
    const LIMITS: Limits = Limits {
        streams: 1,
        link_credit: 1 << 16,
        stream_credit: 1 << 16,
        datagram: 1_200,
        features: Features::NONE,
    };

    fn new() -> Self {
        let mut random = Random::from_seed([1; 32]);
        let key = PrivateKey::generate(&mut random);
        let ticket = Ticket::generate(key.public(), true, &mut random);
        let identity =
            Identity { link: LinkId(1), instance: Instance(1), ciphers: Self::CIPHERS, limits: Self::LIMITS };
        let mut initiator = Initiator::new(ticket.clone(), identity);
        let initiation = initiator.start(Time::ZERO, Self::UNIX, 1, &mut random);
        Self { key, ticket, initiation }
    }

    /// All of proxy2's work for it, to be done: each time by another proxy2, as one takes the same message only once.
    fn prepare(&self) -> impl FnOnce() + use<'_> {
        let settings = responder::Settings {
            epoch: Epoch(1),
            ciphers: Self::CIPHERS,
            clock_tolerance: CLOCK_TOLERANCE,
            handshakes_per_second: 1,
        };
        let mut responder =
            Responder::new(Time::ZERO, self.key.clone(), settings, Random::from_seed([2; 32]));
        responder.allow(self.ticket.client(), self.ticket.preshared().cloned());
        move || {
            let from = SocketAddr::from((Ipv4Addr::LOCALHOST, 1));
            let verdict = responder.handle(Time::ZERO, Self::UNIX, from, &self.initiation);
            let Verdict::Request(request) = verdict else {
                unreachable!("a good handshake is taken: {verdict:?}")
            };
            drop(request.accept(1, Incarnation(0), Self::LIMITS));
        }
    }
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;

    use super::*;

    #[test]
    fn handshakes_take_a_quarter_of_a_core() {
        for (micros, expected) in [(450, 555), (250, 1_000), (1_000, 250)] {
            assert_eq!(rate(Duration::from_micros(micros)), expected);
        }
    }

    #[test]
    fn the_rate_has_bounds() {
        for (micros, expected) in [(0, 2_000), (1, 2_000), (125, 2_000), (5_000, 50), (1_000_000, 50)] {
            assert_eq!(rate(Duration::from_micros(micros)), expected);
        }
        assert_eq!(rate(Duration::MAX), 50);
    }

    /// What is measured where the works take these times, each after a millisecond of preparation, and how many were done.
    fn measure(millis: &[u64]) -> (Duration, usize) {
        let (clock, done) = (Cell::new(Duration::ZERO), Cell::new(0));
        let pass = |millis| clock.set(clock.get() + Duration::from_millis(millis));
        let quickest = quickest(
            || clock.get(),
            || {
                pass(1);
                || {
                    pass(millis[done.get()]);
                    done.set(done.get() + 1);
                }
            },
        );
        (quickest, done.get())
    }

    #[test]
    fn an_interruption_does_not_count() {
        assert_eq!(measure(&[4, 1, 1, 9]), (Duration::from_millis(1), 4));
        assert_eq!(measure(&[0; 9]), (Duration::ZERO, SAMPLES));
    }

    #[test]
    fn a_slow_machine_is_measured_once() {
        assert_eq!(measure(&[40, 1]), (Duration::from_millis(40), 1));
    }

    #[test]
    fn this_machine_is_measured() {
        let rate = u128::from(handshakes_per_second());
        assert!((FEWEST..=MOST).contains(&rate), "{rate}");
    }
}
