//! Finds the largest datagram the path carries: packetization layer path MTU discovery, RFC 8899.

use crate::time::Time;
use std::time::Duration;

/// UDP payload every path is taken to carry (RFC 8899 section 5.1.2 calls it BASE_PLPMTU; RFC 9000 uses the same).
pub(crate) const BASE: u16 = 1_200;

/// UDP payload that a path is taken to carry which does not carry [`BASE`]: a path MTU of 576 bytes, which every host takes
/// (RFC 791), less the largest IPv4 header and that of UDP.
pub(crate) const LEAST: u16 = 508;

/// Payloads of well-known frame sizes, tried from the left: Ethernet over IPv4 and over IPv6, jumbo frames, then what
/// tunnels and mobile networks leave. Between the largest that passed and the smallest that did not, nothing else is
/// worth a search: the last per cent is not there. Those below [`BASE`] are for paths that do not carry that.
const LADDER: [u16; 10] = [1_452, 1_472, 8_952, 8_972, 1_420, 1_392, 1_280, 1_072, 972, 732];

/// Probes of one size that may be lost before the size counts as too large (RFC 8899 MAX_PROBES).
const MAX_PROBES: u8 = 3;

/// After a finished search, when to look again whether the path has grown (RFC 8899 PMTU_RAISE_TIMER).
const RAISE: Duration = Duration::from_secs(600);

/// Losses in a row of packets larger than [`Mtu::floor`], with none of them arriving, that make a black hole if smaller ones
/// do arrive meanwhile.
pub(super) const BLACK_HOLE: u32 = 12;

/// Packets of at most [`Mtu::floor`] bytes that must have arrived since the last larger one: a burst of losses swallows all
/// sizes alike, a black hole lets these pass.
const SMALL_ONES: u32 = 3;

/// The same two where one black hole has just been found, and nothing larger than [`Mtu::floor`] has passed since: bulk stands still until the next one is.
const BLACK_HOLE_AGAIN: u32 = 4;
const SMALL_ONES_AGAIN: u32 = 1;

/// The search for one path.
#[derive(Debug)]
pub(crate) struct Mtu {
    current: u16,
    max: u16,
    /// The smallest size known not to pass.
    too_large: u16,
    probes_lost: u8,
    in_flight: bool,
    next_probe: Time,
    large_lost: u32,
    /// The size of the smallest of them.
    smallest_lost: u32,
    small_passed: u32,
    /// The current size is what is left after a black hole, and none of it has passed yet.
    fell: bool,
    /// When the first packet of at most [`Mtu::floor`] bytes arrived since the last larger one.
    small_since: Option<Time>,
}

impl Mtu {
    /// A search from [`BASE`] to `max` bytes of UDP payload.
    pub(crate) fn new(max: u16) -> Self {
        Self {
            current: BASE.min(max),
            max,
            too_large: max.saturating_add(1),
            probes_lost: 0,
            in_flight: false,
            next_probe: Time::ZERO,
            large_lost: 0,
            smallest_lost: u32::MAX,
            small_passed: 0,
            fell: false,
            small_since: None,
        }
    }

    /// The search for another path.
    pub(crate) fn for_new_path(&self) -> Self {
        Self::new(self.max)
    }

    /// The search goes on on its path after another one was taken: what became of a probe meanwhile is not known.
    pub(crate) fn resumed(self) -> Self {
        Self { in_flight: false, ..self }
    }

    /// The peer takes no larger ones.
    pub(crate) fn set_max(&mut self, max: u16) {
        if max < self.max {
            *self = Self { next_probe: self.next_probe, ..Self::new(max) };
        }
    }

    /// The UDP payload that packets may have, in bytes.
    pub(crate) const fn current(&self) -> u16 {
        self.current
    }

    /// The size of the probe to send now, if one is due.
    pub(crate) fn probe(&mut self, now: Time) -> Option<u16> {
        if self.in_flight || now < self.next_probe {
            return None;
        }
        if let Some(size) = self.next() {
            return Some(size);
        }
        self.next_probe = now + RAISE;
        self.too_large = self.max.saturating_add(1);
        None
    }

    /// The next larger size to try.
    pub(crate) fn next(&self) -> Option<u16> {
        let sizes = self.candidates();
        sizes.into_iter().find(|size| *size > self.current && *size < self.too_large)
    }

    /// The ladder, and the configured maximum where it lies between its rungs.
    fn candidates(&self) -> [u16; LADDER.len() + 1] {
        let mut all = [self.max; LADDER.len() + 1];
        all[..LADDER.len()].copy_from_slice(&LADDER);
        all
    }

    /// The size that packets fall back to if the path turns out not to carry the current one.
    const fn floor(&self) -> u16 {
        if self.current > BASE { BASE } else { LEAST }
    }

    /// Whether nothing larger was ever tried.
    pub(crate) const fn is_untried(&self) -> bool {
        self.too_large > self.max && self.probes_lost == 0 && self.next_probe.as_nanos() == 0
    }

    /// When the next probe is due; never while one is on its way.
    pub(crate) const fn timeout(&self) -> Time {
        if self.in_flight { Time::NEVER } else { self.next_probe }
    }

    /// A probe left.
    pub(crate) const fn on_probe_sent(&mut self) {
        self.in_flight = true;
    }

    /// A probe of `size` arrived: packets may be as large from now on.
    pub(crate) fn on_probe_acked(&mut self, size: u16) {
        // One that left before the path changed says nothing of the new path.
        if !self.in_flight {
            return;
        }
        self.fell = false;
        self.in_flight = false;
        self.probes_lost = 0;
        self.current = self.current.max(size);
        self.forget_losses();
    }

    /// A probe of `size` was lost; after [`MAX_PROBES`] in a row the size is given up.
    pub(crate) const fn on_probe_lost(&mut self, size: u16) {
        if !self.in_flight {
            return;
        }
        self.in_flight = false;
        self.probes_lost += 1;
        if self.probes_lost >= MAX_PROBES {
            self.probes_lost = 0;
            self.too_large = size;
        }
    }

    /// A packet of `size` bytes arrived. True if that shows a black hole: see [`Mtu::on_lost`].
    pub(crate) fn on_acked(&mut self, now: Time, size: u32) -> bool {
        // One that is smaller than all that were lost does not show that they could have passed.
        if size > u32::from(self.floor()) && (self.large_lost == 0 || size >= self.smallest_lost) {
            self.forget_losses();
            self.fell = false;
        } else {
            self.small_since.get_or_insert(now);
            self.small_passed += u32::from(self.large_lost > 0);
        }
        self.fall_back(now)
    }

    const fn forget_losses(&mut self) {
        (self.large_lost, self.smallest_lost) = (0, u32::MAX);
        (self.small_passed, self.small_since) = (0, None);
    }

    /// A packet of `size` bytes that left at `sent` was lost. True if that shows a black hole: the path no longer carries
    /// the current size, which falls to [`Mtu::floor`], and the search begins again. A large one that left before small ones
    /// were seen to pass shows nothing: the path may have been dead for all sizes.
    pub(crate) fn on_lost(&mut self, now: Time, size: u32, sent: Time) -> bool {
        // Larger than the current size is a packet that only tried whether the path carries it.
        let large = u32::from(self.floor()) + 1..=u32::from(self.current);
        if large.contains(&size) && self.small_since.is_some_and(|since| since <= sent) {
            self.large_lost += 1;
            self.smallest_lost = self.smallest_lost.min(size);
        }
        self.fall_back(now)
    }

    fn fall_back(&mut self, now: Time) -> bool {
        let (lost, passed) =
            if self.fell { (BLACK_HOLE_AGAIN, SMALL_ONES_AGAIN) } else { (BLACK_HOLE, SMALL_ONES) };
        let hole = self.current > LEAST && self.large_lost >= lost && self.small_passed >= passed;
        if hole {
            let (current, too_large) = match self.floor() {
                BASE => (BASE, self.max.saturating_add(1)),
                least => (least, self.current),
            };
            *self = Self {
                current,
                too_large,
                fell: true,
                next_probe: now + Duration::from_secs(1),
                ..Self::new(self.max)
            };
        }
        hole
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn search(path: u16, max: u16) -> u16 {
        let mut mtu = Mtu::new(max);
        while let Some(size) = mtu.probe(Time::ZERO) {
            mtu.on_probe_sent();
            if size <= path { mtu.on_probe_acked(size) } else { mtu.on_probe_lost(size) }
        }
        mtu.current()
    }

    #[test]
    fn finds_the_rung_of_the_path() {
        assert_eq!(search(1_472, 1_472), 1_472);
        assert_eq!(search(1_452, 9_000), 1_452);
        assert_eq!(search(8_972, 8_972), 8_972);
        assert_eq!(search(1_400, 1_472), 1_392);
        assert_eq!(search(1_200, 1_472), 1_200);
        assert_eq!(search(60_000, 16_000), 16_000);
    }

    #[test]
    fn a_path_that_does_not_carry_the_base_has_rungs_too() {
        for (path, found) in [(548, 508), (1_000, 972), (1_100, 1_072)] {
            let mut mtu = Mtu::new(1_472);
            let now = Time::ZERO + Duration::from_secs(1);
            mtu.on_acked(now, 100);
            (0..BLACK_HOLE).for_each(|_| assert!(!mtu.on_lost(now, 1_200, now)));
            assert!((0..SMALL_ONES).any(|_| mtu.on_acked(now, 500)));
            assert_eq!(mtu.current(), LEAST);
            let later = now + Duration::from_secs(1);
            while let Some(size) = mtu.probe(later) {
                assert!(size < BASE, "it is known not to pass");
                mtu.on_probe_sent();
                if size <= path { mtu.on_probe_acked(size) } else { mtu.on_probe_lost(size) }
            }
            assert_eq!(mtu.current(), found);
        }
    }

    #[test]
    fn what_is_left_after_a_black_hole_falls_sooner_until_it_has_passed() {
        for passes in [false, true] {
            let mut mtu = Mtu::new(1_472);
            mtu.on_probe_sent();
            mtu.on_probe_acked(1_472);
            let now = Time::ZERO;
            mtu.on_acked(now, 100);
            (0..BLACK_HOLE).for_each(|_| assert!(!mtu.on_lost(now, 1_472, now)));
            assert!((0..SMALL_ONES).any(|_| mtu.on_acked(now, 100)));
            if passes {
                assert!(!mtu.on_acked(now, 1_200));
            }
            mtu.on_acked(now, 100);
            (0..BLACK_HOLE_AGAIN).for_each(|_| assert!(!mtu.on_lost(now, 1_200, now)));
            assert_eq!((0..SMALL_ONES_AGAIN).any(|_| mtu.on_acked(now, 100)), !passes);
            assert_eq!(mtu.current(), if passes { BASE } else { LEAST });
        }
    }

    #[test]
    fn a_lost_probe_or_two_mean_nothing() {
        let mut mtu = Mtu::new(1_472);
        for lost in [true, true, false] {
            let size = mtu.probe(Time::ZERO).unwrap();
            assert_eq!(size, 1_452);
            mtu.on_probe_sent();
            if lost { mtu.on_probe_lost(size) } else { mtu.on_probe_acked(size) }
        }
        assert_eq!(mtu.current(), 1_452);
    }

    #[test]
    fn what_is_smaller_than_all_that_is_lost_does_not_show_that_it_could_have_passed() {
        let (mut mtu, now) = (Mtu::new(1_472), Time::ZERO);
        mtu.on_acked(now, 100);
        (0..BLACK_HOLE).for_each(|_| assert!(!mtu.on_lost(now, 1_200, now)));
        assert!((0..SMALL_ONES).any(|_| mtu.on_acked(now, 1_150)), "the last pieces of a stream pass");
    }

    #[test]
    fn a_black_hole_brings_the_base_back_and_a_burst_does_not() {
        let mut mtu = Mtu::new(1_472);
        mtu.on_probe_sent();
        mtu.on_probe_acked(1_472);
        let now = Time::ZERO;
        assert!(!(0..100).any(|_| mtu.on_lost(now, 1_472, now)), "nothing small arrived");
        mtu.on_acked(Time::ZERO, 1_472);
        assert!(!(0..100).any(|_| mtu.on_acked(Time::ZERO, 100)), "nothing large was lost");
        mtu.on_acked(now, 1_472);
        let later = now + Duration::from_secs(1);
        mtu.on_acked(later, 100);
        assert!(!(0..100).any(|_| mtu.on_lost(later, 1_472, now)), "they left before");
        assert!(!(0..100).any(|_| mtu.on_acked(later, 100)), "lost with the path, not with their size");
        (0..BLACK_HOLE).for_each(|_| assert!(!mtu.on_lost(later, 1_472, later)));
        assert!((0..SMALL_ONES).any(|_| mtu.on_acked(Time::ZERO, 100)));
        assert_eq!(mtu.current(), BASE);
    }
}
