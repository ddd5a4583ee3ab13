//! Each fault of a path, alone.

use super::{Bottleneck, Capture, Direction, HEADERS, Network, Path, STRANGER};
use crate::sealed::link::{FourTuple, SocketId};
use crate::sealed::wire::ecn::Ecn;
use crate::time::Time;
use std::time::Duration;

const MS: Duration = Duration::from_millis(1);
const SECOND: Duration = Duration::from_secs(1);
const NOW: Time = Time::from_nanos(1_000_000_000);

/// Datagrams of 100 bytes, one a millisecond, that know when they were sent: which arrived, and how late, in the order of arrival.
fn send(direction: &mut Direction<()>, count: u32) -> Vec<(u32, Duration)> {
    let (mut arrived, mut now) = (Vec::new(), NOW);
    for number in 0..count {
        let bytes = [&number.to_be_bytes()[..], &[7; 96]].concat();
        direction.send(NOW + MS * number, (), &bytes);
    }
    while direction.next() < Time::NEVER {
        now = now.max(direction.next());
        let ((), bytes) = direction.arrive(now).unwrap();
        let number = u32::from_be_bytes(*bytes.first_chunk().unwrap());
        arrived.push((number, now.since(NOW + MS * number)));
    }
    arrived
}

fn share(path: Path) -> f64 {
    send(&mut Direction::new(1, path), 20_000).len() as f64 / 20_000.0
}

#[test]
fn a_path_without_faults_only_takes_its_time() {
    let mut direction = Direction::new(1, Path { delay: MS * 20, ..Path::default() });
    let arrived = send(&mut direction, 100);
    assert!(arrived.iter().copied().eq((0..100).map(|number| (number, MS * 20))));
    assert_eq!((direction.counts.packets, direction.counts.arrived), (100, 100));
    assert_eq!(direction.counts.bytes, 100 * (100 + HEADERS));
}

#[test]
fn a_seed_repeats_and_another_does_not() {
    let path = Path { loss: 0.3, jitter: MS * 5, duplicate: 0.1, ..Path::default() };
    let run = |seed| send(&mut Direction::new(seed, path.clone()), 100);
    assert_eq!(run(1), run(1));
    assert_ne!(run(1), run(2));
}

#[test]
fn losses_come_as_often_and_in_runs_as_long_as_told() {
    for (loss, burst) in [(0.1, 0.0), (0.3, 0.0), (0.3, 1.0), (0.1, 8.0), (0.5, 3.0)] {
        let arrived = send(&mut Direction::new(3, Path { loss, burst, ..Path::default() }), 50_000);
        let lost = 50_000 - arrived.len();
        let runs = arrived.windows(2).filter(|pair| pair[1].0 > pair[0].0 + 1).count();
        let (share, length) = (lost as f64 / 50_000.0, lost as f64 / runs as f64);
        let expected = if burst > 0.0 { burst } else { 1.0 / (1.0 - loss) };
        assert!((share - loss).abs() < 0.02, "{share} lost instead of {loss}");
        assert!((length / expected - 1.0).abs() < 0.1, "runs of {length} instead of {expected}");
    }
    assert_eq!(share(Path { loss: 1.0, burst: 8.0, ..Path::default() }), 0.0);
}

#[test]
fn what_is_doubled_arrives_twice() {
    let twice = share(Path { duplicate: 0.25, ..Path::default() });
    assert!((twice - 1.25).abs() < 0.02, "{twice}");
}

#[test]
fn what_is_corrupt_differs_in_one_bit() {
    let mut direction = Direction::new(1, Path { corrupt: 1.0, ..Path::default() });
    direction.send(NOW, (), &[0; 50]);
    let ((), bytes) = direction.arrive(NOW).unwrap();
    assert_eq!(bytes.iter().map(|byte| byte.count_ones()).sum::<u32>(), 1);
}

#[test]
fn jitter_is_even_and_lets_datagrams_overtake() {
    let arrived = send(&mut Direction::new(1, Path { jitter: MS * 10, ..Path::default() }), 10_000);
    let mean = arrived.iter().map(|(_, late)| late.as_secs_f64()).sum::<f64>() / 10_000.0;
    assert!((mean - 0.005).abs() < 0.0003, "{mean}");
    assert!(arrived.iter().all(|(_, late)| *late <= MS * 10) && !arrived.is_sorted());
}

#[test]
fn reordering_delays_some_and_leaves_the_others() {
    let path = Path { reorder: 0.1, reorder_by: MS * 50, ..Path::default() };
    let arrived = send(&mut Direction::new(1, path), 10_000);
    let (late, others): (Vec<_>, Vec<_>) = arrived.into_iter().partition(|(_, late)| !late.is_zero());
    assert!(others.is_sorted() && (900..1_100).contains(&late.len()), "{}", late.len());
}

#[test]
fn what_is_larger_than_the_mtu_of_the_moment_vanishes() {
    let mtus = vec![(NOW + SECOND, 99), (NOW + SECOND * 2, 100)];
    let arrived = send(&mut Direction::new(1, Path { mtu: 100, mtus, ..Path::default() }), 3_000);
    assert!(arrived.iter().all(|(number, _)| !(1_000..2_000).contains(number)) && arrived.len() == 2_000);
}

#[test]
fn nothing_passes_in_an_outage() {
    let outages = vec![NOW + SECOND..NOW + SECOND * 2];
    let mut direction = Direction::new(1, Path { outages, ..Path::default() });
    assert_eq!(send(&mut direction, 3_000).len(), 2_000);
    direction.path.dead = true;
    assert_eq!(send(&mut direction, 10).len(), 0);
    assert_eq!(direction.counts.lost, 1_010);
}

#[test]
fn a_bottleneck_delays_up_to_its_buffer_and_drops_the_rest() {
    // Half of what comes: 128 bytes each millisecond.
    let path = Path { rate: 64_000, queue: MS * 100, ..Path::default() };
    let mut direction = Direction::new(1, path);
    let arrived = send(&mut direction, 10_000);
    let longest = arrived.iter().map(|(_, late)| *late).max().unwrap();
    assert!((MS * 100..MS * 104).contains(&longest), "{longest:?}");
    assert!((5_000..5_060).contains(&arrived.len()), "{}", arrived.len());
    assert_eq!(direction.counts.overflowed + arrived.len() as u64, 10_000);
}

#[test]
fn a_rate_changes_at_its_moment() {
    let rates = vec![(NOW + SECOND, 256_000)];
    let arrived = send(&mut Direction::new(1, Path { rate: 128_000, rates, ..Path::default() }), 2_000);
    let took = |number: usize| arrived[number].1;
    assert_eq!((took(500), took(1_500)), (MS, MS / 2));
}

#[test]
fn a_policer_drops_without_delay() {
    let path = Path { policed: 64_000, bucket: 1_280, ..Path::default() };
    let arrived = send(&mut Direction::new(1, path), 10_000);
    assert!(arrived.iter().all(|(_, late)| late.is_zero()));
    assert!((5_000..5_020).contains(&arrived.len()), "{}", arrived.len());
}

#[test]
fn two_directions_share_a_bottleneck() {
    let path = Path { rate: 128_000, ..Path::default() };
    let shared = Bottleneck::default();
    let mut ways = [1, 2].map(|seed| {
        let mut way = Direction::new(seed, path.clone());
        way.bottleneck = shared.clone();
        way
    });
    ways.iter_mut().for_each(|way| assert!(way.send(NOW, (), &[0; 100])));
    assert_eq!(ways.each_ref().map(Direction::next), [NOW + MS, NOW + MS * 2]);
    assert_eq!(shared.queue(NOW), MS * 2);
}

#[test]
fn filters_captures_and_counted_losses() {
    let mut direction = Direction::new(1, Path::default());
    direction.capture = Some(Capture::default());
    direction.filter = Some(|datagram| datagram.first() == Some(&b'a'));
    direction.lose_next = 1;
    let sent = [b"ax", b"bx", b"ay", b"az"].map(|datagram| direction.send(NOW, (), datagram));
    assert_eq!(sent, [true, false, true, true]);
    while direction.arrive(NOW).is_some() {}
    let capture = direction.capture.as_ref().unwrap();
    assert_eq!((capture.sent.len(), &capture.arrived[..]), (3, &[b"ay".to_vec(), b"az".to_vec()][..]));
    assert_eq!((direction.counts.packets, direction.counts.lost, direction.counts.arrived), (3, 1, 2));
}

#[test]
fn a_nat_that_forgot_the_client_gives_it_another_port_and_lets_nobody_in_before() {
    let mut network = Network::new(1, Path::default());
    network.nat = Some(super::Nat { forgets: SECOND * 30, refreshed: NOW });
    let (server, first) = (FourTuple::from(network.server), network.client);
    network.send_from_client(NOW, server, Ecn::NotCapable, b"a");
    assert_eq!(network.arrive_at_server(NOW).unwrap().0.from, first);
    let later = NOW + SECOND * 31;
    network.send_from_server(later, first.into(), Ecn::NotCapable, b"b");
    assert_eq!(network.arrive_at_client(later), None);
    network.send_from_client(later, server, Ecn::NotCapable, b"c");
    let from = network.arrive_at_server(later).unwrap().0.from;
    assert_ne!(from, first);
    network.send_from_server(later, first.into(), Ecn::NotCapable, b"d");
    network.send_from_server(later, from.into(), Ecn::NotCapable, b"e");
    assert_eq!(network.arrive_at_client(later).unwrap().1, b"e", "the old port is nobody's");
    assert_eq!(network.arrive_at_client(later), None);
}

#[test]
fn a_blocked_socket_sends_nothing_and_the_next_one_does() {
    let mut network = Network::new(1, Path::default());
    let first = FourTuple::from(network.server);
    let second = FourTuple { socket: SocketId(1), ..first };
    network.blocked = vec![first];
    network.send_from_client(NOW, first, Ecn::NotCapable, b"a");
    network.send_from_client(NOW, second, Ecn::NotCapable, b"b");
    let (with, bytes) = network.arrive_at_server(NOW).unwrap();
    assert_eq!((bytes, with.from.port()), (b"b".to_vec(), network.client.port() + 1_000));
    network.send_from_server(NOW, with.from.into(), Ecn::NotCapable, b"c");
    assert!(network.arrive_at_client(NOW).is_some());
    network.send_from_server(NOW, STRANGER.into(), Ecn::NotCapable, b"d");
    assert_eq!((network.arrive_at_client(NOW), network.to_stranger), (None, 1));
}
