//! How much of the handshakes one address may have while they are many.

use std::collections::BTreeMap;
use std::time::Duration;

use crate::Time;

/// Implementation: the part of a second's handshakes that one address may have under load. Less than what comes back
/// in that second (at four a second and more), so that one address alone cannot empty the bucket for the others.
const PART: u32 = 4;
/// Implementation: addresses counted at a time; more than pass in a second. It bounds the memory.
const ADDRESSES: usize = 4_096;
const PERIOD: Duration = Duration::from_secs(1);

/// Handshakes of each proven address in the present second.
pub(super) struct Shares {
    most: u32,
    began: Time,
    taken: BTreeMap<Block, u32>,
}

/// What is taken for one owner of addresses: an IPv4 address, or the first half of an IPv6 address, whose second half
/// its owner chooses freely.
type Block = [u8; 8];

impl Shares {
    /// Shares of `rate` handshakes a second, at least one each.
    pub(super) fn new(rate: u32) -> Self {
        Self { most: (rate / PART).max(1), began: Time::ZERO, taken: BTreeMap::new() }
    }

    /// Takes one handshake for the address `from`; false if it has had its share.
    pub(super) fn take(&mut self, now: Time, from: &[u8]) -> bool {
        if now.since(self.began) >= PERIOD {
            self.began = now;
            self.taken.clear();
        }
        let block = block(from);
        if self.taken.len() >= ADDRESSES && !self.taken.contains_key(&block) {
            return false;
        }
        let taken = self.taken.entry(block).or_default();
        let fits = *taken < self.most;
        *taken += u32::from(fits);
        fits
    }
}

fn block(from: &[u8]) -> Block {
    let mut block = [0; 8];
    for (to, byte) in block.iter_mut().zip(from) {
        *to = *byte;
    }
    block
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_has_its_share_every_second() {
        let mut shares = Shares::new(8);
        let now = Time::ZERO;
        let took = |shares: &mut Shares, now, from: &[u8]| shares.take(now, from);
        assert!(took(&mut shares, now, &[1; 4]) && took(&mut shares, now, &[1; 4]));
        assert!(!took(&mut shares, now, &[1; 4]));
        assert!(took(&mut shares, now, &[2; 4]), "another address");
        assert!(took(&mut shares, now + PERIOD, &[1; 4]), "another second");
    }

    #[test]
    fn the_second_half_of_an_ipv6_address_makes_no_difference() {
        let mut shares = Shares::new(1);
        let near = [[3; 8], [4; 8]].concat();
        assert!(shares.take(Time::ZERO, &[3; 16]));
        assert!(!shares.take(Time::ZERO, &near));
        assert!(shares.take(Time::ZERO, &[5; 16]));
    }
}
