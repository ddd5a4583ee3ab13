//! The controller alone, on acknowledgements that are made up.

use super::*;
use crate::sealed::recovery::rate;
use crate::time::Time;

const MS: Duration = Duration::from_millis(1);
const MTU: u16 = 1_000;

/// An acknowledgement at `now` ms after which `delivered` bytes have arrived; its newest packet left when `prior` had,
/// and took `rtt` ms.
pub(super) fn ack(now: u64, delivered: u64, prior: u64, rtt: u64) -> AckEvent {
    AckEvent {
        now: Time::ZERO + Duration::from_millis(now),
        rtt: Duration::from_millis(rtt),
        min_rtt: Duration::from_millis(rtt.min(50)),
        usual_rtt: Duration::ZERO,
        late: Duration::ZERO,
        rtt_is_new: true,
        sample: Some(rate::Sample { rate: 0, app_limited: false, prior_delivered: prior }),
        delivered,
        in_flight: 0,
        newest: None,
        cwnd_limited: true,
        peer_sends_bulk: false,
    }
}

/// A path of 50 ms that delivers 1,000 bytes a millisecond at the most, and loses what the test says.
struct Bench {
    controller: Controller,
    now: u64,
    delivered: u64,
    /// Bytes a millisecond.
    rate: u64,
}

impl Bench {
    fn new() -> Self {
        Self { controller: Controller::new(MTU), now: 1_000, delivered: 0, rate: 1_000 }
    }

    /// One round trip; `lost(phase)` of a hundred packets do not arrive. Returns the phase in which it was sent.
    fn round(&mut self, lost: impl Fn(Phase) -> u32) -> Phase {
        let (phase, tag, before) = (self.controller.phase, self.controller.tag(), self.delivered);
        for packet in 0..100 {
            if packet < lost(phase) {
                self.controller.on_packet_lost(tag, false);
            } else {
                self.controller.on_packet_acked(tag, u64::from(MTU), true);
            }
        }
        self.now += 50;
        let wanted = self.controller.pacing_rate(50 * MS) / 1_000;
        let arrives = wanted.min(self.rate) * 50;
        self.delivered += arrives;
        let sample = rate::Sample { rate: arrives * 20, app_limited: false, prior_delivered: before };
        self.controller
            .on_ack(&AckEvent { sample: Some(sample), ..ack(self.now, self.delivered, before, 50) });
        phase
    }

    fn rounds(&mut self, count: u32, lost: impl Fn(Phase) -> u32 + Copy) -> Vec<Phase> {
        (0..count).map(|_| self.round(lost)).collect()
    }

    /// The pacing rate of cruise, in bytes a millisecond.
    fn cruise(&mut self, lost: impl Fn(Phase) -> u32 + Copy) -> u64 {
        for _ in 0..20 {
            if self.controller.phase == Phase::Cruise {
                return self.controller.pacing_rate(50 * MS) / 1_000;
            }
            self.round(lost);
        }
        panic!("no cruise: {:?}", self.controller);
    }
}

#[test]
fn start_up_ends_at_the_top_and_cycles_follow() {
    let mut bench = Bench::new();
    let phases = bench.rounds(60, |_| 0);
    for phase in [Phase::Startup, Phase::Drain, Phase::Cruise, Phase::Up, Phase::Down] {
        assert!(phases.contains(&phase), "{phase:?} in {phases:?}");
    }
    assert_eq!(bench.controller.rate(), 1_000_000);
    assert_eq!(bench.cruise(|_| 0), 1_000);
}

#[test]
fn loss_at_every_rate_is_paid_for() {
    let mut bench = Bench::new();
    bench.rounds(100, |_| 20);
    let rate = bench.cruise(|_| 20);
    assert!((1_240..=1_260).contains(&rate), "{rate}: a fifth is lost, a quarter more leaves");
}

#[test]
fn loss_at_the_full_rate_alone_is_a_limit() {
    let mut bench = Bench::new();
    let policed = |phase| if matches!(phase, Phase::Down | Phase::Drain) { 0 } else { 20 };
    bench.rounds(100, policed);
    let rate = bench.cruise(policed);
    assert!((1_000..=1_050).contains(&rate), "{rate}: next to nothing is paid for");
}

#[test]
fn a_path_that_grows_is_climbed() {
    let mut bench = Bench::new();
    bench.rounds(30, |_| 0);
    bench.rate = 10_000;
    bench.rounds(10, |_| 0);
    assert_eq!(bench.controller.rate(), 10_000_000);
}

#[test]
fn looks_come_sooner_where_nothing_is_lost() {
    let looks = |lost: u32| {
        let mut bench = Bench::new();
        bench.rounds(20, |_| lost);
        bench.rounds(60, |_| lost).iter().filter(|phase| **phase == Phase::Up).count()
    };
    let (clean, lossy) = (looks(0), looks(1));
    assert!((10..=15).contains(&clean) && (6..=8).contains(&lossy), "{clean} and {lossy} looks in 60 rounds");
}

#[test]
fn a_look_that_finds_a_part_of_what_it_asked_for_does_not_start_up_again() {
    let mut bench = Bench::new();
    bench.rounds(30, |_| 0);
    bench.rate = 1_150;
    let phases = bench.rounds(40, |_| 0);
    assert!(!phases.contains(&Phase::Startup), "{phases:?}");
    assert_eq!(bench.controller.rate(), 1_150_000);
}

#[test]
fn a_path_that_shrinks_is_followed_within_ten_rounds() {
    let mut bench = Bench::new();
    bench.rounds(30, |_| 0);
    bench.rate = 100;
    bench.rounds(10, |_| 0);
    assert!(bench.controller.rate() <= 200_000, "{}", bench.controller.rate());
}

#[test]
fn a_dead_path_keeps_its_rate_and_its_losses_say_nothing() {
    let mut bench = Bench::new();
    bench.rounds(30, |_| 0);
    let tag = bench.controller.tag();
    bench.controller.on_blackout();
    (0..1_000).for_each(|_| bench.controller.on_packet_lost(tag, false));
    bench.rounds(3, |_| 0);
    assert_eq!(bench.controller.rate(), 1_000_000);
    assert!(bench.controller.random_loss() < 0.01, "{}", bench.controller.random_loss());
}

#[test]
fn an_idle_application_does_not_lower_the_rate() {
    let mut bench = Bench::new();
    bench.rounds(30, |_| 0);
    for _ in 0..50 {
        bench.now += 50;
        let before = bench.delivered;
        bench.delivered += 1_000;
        let sample = rate::Sample { rate: 20_000, app_limited: true, prior_delivered: before };
        bench
            .controller
            .on_ack(&AckEvent { sample: Some(sample), ..ack(bench.now, bench.delivered, before, 50) });
    }
    assert_eq!(bench.controller.rate(), 1_000_000);
}

#[test]
fn the_window_is_two_products_and_never_tiny() {
    let mut bench = Bench::new();
    bench.rounds(60, |_| 0);
    bench.cruise(|_| 0);
    assert_eq!(bench.controller.cwnd(), 2 * 50_000 + 2_000 + 3_000);
    // On a slow path what comes in 50, 48 and 150 ms and a tenth more, and three packets at the least.
    for (rate, cwnd) in [(25, 16_000), (15, 4_092), (5, 3_000)] {
        bench.rate = rate;
        bench.rounds(60, |_| 0);
        bench.cruise(|_| 0);
        assert_eq!(bench.controller.cwnd(), cwnd, "{rate} packets a second");
    }
}

#[test]
fn a_queue_that_overflows_gets_a_smaller_window() {
    let mut bench = Bench::new();
    bench.rounds(60, |_| 0);
    bench.cruise(|_| 0);
    bench.rounds(2, |_| 30);
    assert_eq!(bench.controller.cwnd(), 50_000 / 4 * 5 + 2_000 + 3_000);
}

#[test]
fn a_queue_that_stands_while_little_is_sent_does_not_end_start_up() {
    for cwnd_limited in [false, true] {
        let mut controller = Controller::new(MTU);
        for at in 0..60 {
            let rtt = 50 + at.min(40);
            let sample = rate::Sample { rate: 50_000, app_limited: true, prior_delivered: 0 };
            let ack = ack(1_000 + 10 * at, 1_000 * at, 0, rtt);
            controller.on_ack(&AckEvent { cwnd_limited, sample: Some(sample), ..ack });
        }
        assert_eq!(controller.phase == Phase::Startup, !cwnd_limited, "{:?}", controller.phase);
    }
}

/// A controller in cruise whose last acknowledgements came 40,000 bytes at once.
fn clumped() -> Bench {
    let mut bench = Bench::new();
    bench.rate = 100;
    bench.rounds(60, |_| 0);
    bench.cruise(|_| 0);
    let before = bench.delivered;
    bench.delivered += 40_000;
    bench.now += 5;
    bench.controller.on_ack(&ack(bench.now, bench.delivered, before - 1, 5));
    bench
}

#[test]
fn two_clumps_are_the_least_window_but_no_more_than_a_quarter_of_a_second() {
    let mut bench = clumped();
    let rate = bench.controller.rate();
    assert_eq!(bench.controller.cwnd(), rate / 4);
    assert_eq!(bench.controller.ready(), rate / 20);
    bench.rounds(20, |_| 0);
    assert!(bench.controller.cwnd() < rate / 4, "it is forgotten");
}

#[test]
fn a_queue_that_overflows_takes_no_clumps() {
    let mut bench = clumped();
    bench.round(|_| 60);
    assert!(bench.controller.overflows);
    assert_eq!(bench.controller.burst_allowance(), 0);
}

#[test]
fn start_up_makes_no_clumps() {
    let mut controller = Controller::new(MTU);
    controller.on_ack(&ack(1_000, 40_000, 0, 50));
    controller.on_ack(&ack(1_050, 400_000, 40_000, 50));
    assert_eq!(
        (controller.phase, controller.burst_allowance(), controller.ready()),
        (Phase::Startup, 0, u64::MAX)
    );
}

/// Start-up takes the rate of a moment, and a host that is busy makes that too high.
#[test]
fn a_rate_that_is_too_high_is_given_up_though_there_is_not_always_more_to_send() {
    for (rtt, lost) in [(70, 0), (50, 20)] {
        let mut bench = Bench::new();
        bench.rounds(30, |_| 0);
        bench.controller.max_bandwidth.push(1_300_000);
        for _ in 0..60 {
            let before = bench.delivered;
            let tag = bench.controller.tag();
            for packet in 0..100 {
                if packet < lost {
                    bench.controller.on_packet_lost(tag, false);
                } else {
                    bench.controller.on_packet_acked(tag, u64::from(MTU), false);
                }
            }
            (bench.now, bench.delivered) = (bench.now + 50, before + 45_000);
            let sample = Some(rate::Sample { rate: 0, app_limited: true, prior_delivered: before });
            let min_rtt = 50 * MS;
            bench.controller.on_ack(&AckEvent {
                sample,
                min_rtt,
                ..ack(bench.now, bench.delivered, before, rtt)
            });
        }
        let rate = bench.controller.rate();
        assert!(rate <= 1_000_000, "{rate} bytes a second with {lost} of 100 lost and {rtt} ms");
    }
}

/// As where a radio slept once while nothing else was on its way.
#[test]
fn a_packet_that_was_late_once_does_not_stop_start_up_that_began_again() {
    let mut bench = Bench::new();
    bench.rounds(30, |_| 0);
    let alone = Newest { bytes: 1_400, took: 250 * MS, with: 1_400, spread: Duration::ZERO };
    let late = AckEvent { newest: Some(alone), ..ack(bench.now, bench.delivered, bench.delivered, 250) };
    bench.controller.on_ack(&late);
    bench.rate = 10_000;
    let mut windows = Vec::new();
    while bench.controller.rate() < 9_000_000 && windows.len() < 20 {
        bench.round(|_| 0);
        windows.push(bench.controller.window());
    }
    let least = windows.iter().min().unwrap();
    assert!(windows.len() <= 10 && *least >= 50_000, "a BDP is 50,000 bytes: {windows:?}");
}
