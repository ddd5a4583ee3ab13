//! Proofs of an address that were let through while handshakes are many: each is good once.
//!
//! A copy of an initiation proves the same address for as long as the cookie lives. If it counted, whoever copies what
//! a client sends could use up what the client's address may have.

use std::collections::HashSet;

use crate::Time;
use crate::sealed::crypto::mac::MAC_LEN;
use crate::sealed::handshake::cookie::COOKIE_LIFE;

/// Implementation: proofs remembered in each of two generations; it bounds the memory to about 2 MiB. At 500 handshakes
/// a second it takes a minute to fill one, and a proof that is forgotten counts once more.
const PROOFS: usize = 32_768;

/// The `mac2` of an initiation; nobody without the cookie can make another for the same.
type Proof = [u8; MAC_LEN];

/// The proofs that were let through lately.
#[derive(Default)]
pub(crate) struct SeenProofs {
    /// Where a proof is noted. When it is full, or as old as a cookie may become, it becomes `old`.
    young: HashSet<Proof>,
    /// Only looked up, never walked: neither's order matters.
    old: HashSet<Proof>,
    young_since: Time,
}

impl SeenProofs {
    /// Whether the proof was let through before.
    pub(crate) fn contains(&self, proof: &Proof) -> bool {
        self.young.contains(proof) || self.old.contains(proof)
    }

    /// The proof is let through.
    pub(crate) fn insert(&mut self, now: Time, proof: Proof) {
        if self.young.len() >= PROOFS || now.since(self.young_since) >= COOKIE_LIFE {
            self.old = std::mem::take(&mut self.young);
            self.young_since = now;
        }
        self.young.insert(proof);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn proof(number: usize) -> Proof {
        (number as u128).to_be_bytes()
    }

    #[test]
    fn a_proof_is_known_for_the_life_of_its_cookie_and_not_for_ever() {
        let mut seen = SeenProofs::default();
        seen.insert(Time::ZERO + COOKIE_LIFE, proof(1));
        seen.insert(Time::ZERO + COOKIE_LIFE * 2, proof(2));
        assert!(seen.contains(&proof(1)) && seen.contains(&proof(2)) && !seen.contains(&proof(3)));
        seen.insert(Time::ZERO + COOKIE_LIFE * 3, proof(3));
        assert!(!seen.contains(&proof(1)) && seen.contains(&proof(2)));
    }

    #[test]
    fn what_is_remembered_is_bounded() {
        let mut seen = SeenProofs::default();
        for number in 0..PROOFS * 3 {
            seen.insert(Time::ZERO, proof(number));
            assert!(seen.contains(&proof(number.saturating_sub(PROOFS))), "the last ones are known");
        }
        assert!(seen.young.len() <= PROOFS && seen.old.len() <= PROOFS);
    }
}
