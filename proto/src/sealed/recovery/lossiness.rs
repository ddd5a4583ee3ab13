//! How much a path has lost of late.

/// Packets over which it looks back.
const MEMORY: f64 = 1_024.0;

/// A path that loses one packet in two thousand is lossy: a single loss counts for some 700 packets.
const LOSSY: f64 = 0.000_5;

/// The share of packets lost of late.
#[derive(Debug)]
pub(crate) struct Lossiness(f64);

impl Default for Lossiness {
    /// A path of which nothing is known counts as one that has just lost a packet: else the first losses of a link that
    /// says little would each cost its user a round trip.
    fn default() -> Self {
        Self(1.0 / MEMORY)
    }
}

impl Lossiness {
    /// A packet arrived.
    pub(crate) fn on_arrived(&mut self) {
        self.0 -= self.0 / MEMORY;
    }

    /// A packet was lost.
    pub(crate) fn on_lost(&mut self) {
        self.0 += (1.0 - self.0) / MEMORY;
    }

    /// Whether what must not wait is worth a second copy.
    pub(crate) fn is_lossy(&self) -> bool {
        self.0 > LOSSY
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_loss_counts_for_some_seven_hundred_packets() {
        let mut lossiness = Lossiness::default();
        assert!(lossiness.is_lossy(), "nothing is known");
        (0..5_000).for_each(|_| lossiness.on_arrived());
        assert!(!lossiness.is_lossy());
        lossiness.on_lost();
        (0..600).for_each(|_| lossiness.on_arrived());
        assert!(lossiness.is_lossy());
        (0..200).for_each(|_| lossiness.on_arrived());
        assert!(!lossiness.is_lossy());
    }
}
