//! Which losses are random: those that come whatever the rate, and so are the path's own.

/// Packets over which loss is averaged: some seconds at 100 Mbit/s, enough for one per cent of error at 20 % of loss.
const MEMORY: f64 = 2_000.0;

/// The most loss that is paid for. Beyond half, a path is broken, and mistakes double the load.
const MAX_PAID: f64 = 0.5;

/// Packets sent slowly before anything is concluded from them.
const ENOUGH: f64 = 20.0;

/// More loss than this is worth knowing whether it is random: a rate that is not paid for it falls with each look.
const WORTH_KNOWING: f64 = 0.1;

/// Packets of a round before its loss is compared with random loss.
const TELLING: f64 = 50.0;

/// How much more than that it must be, beyond what chance makes likely.
const EXCESS: f64 = 0.01;

/// The weight of start-up: little, as its last rounds may have met the limit.
const EARLY: f64 = 200.0;

/// Packets that arrived and that were lost, older ones counting less.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct LossTally {
    arrived: f64,
    lost: f64,
}

impl LossTally {
    /// Counts packets; a negative `lost` takes back what was spurious.
    pub(super) fn add(&mut self, arrived: f64, lost: f64) {
        self.arrived += arrived;
        self.lost = (self.lost + lost).max(0.0);
        if self.total() > MEMORY {
            self.arrived /= 2.0;
            self.lost /= 2.0;
        }
    }

    /// Packets that arrived.
    pub(super) const fn arrived(&self) -> f64 {
        self.arrived
    }

    /// Packets that were lost.
    pub(super) const fn lost(&self) -> f64 {
        self.lost
    }

    /// Packets counted.
    pub(super) fn total(&self) -> f64 {
        self.arrived + self.lost
    }

    /// The share that is lost, 0..=1.
    pub(super) fn ratio(&self) -> f64 {
        if self.total() < 1.0 { 0.0 } else { self.lost / self.total() }
    }

    /// How far the ratio may be off: one standard deviation, twice as wide because losses come in bursts.
    pub(super) fn doubt(&self) -> f64 {
        let ratio = self.ratio();
        2.0 * (ratio * (1.0 - ratio) / self.total().max(1.0)).sqrt()
    }
}

/// Loss at a rate that the path certainly carries, loss at the full rate, and what follows from the two.
#[derive(Debug, Default)]
pub(super) struct Losses {
    low: LossTally,
    full: LossTally,
    own: f64,
}

impl Losses {
    /// What start-up saw before it reached the limit counts like [`EARLY`] packets sent slowly.
    pub(super) fn begin_with(&mut self, early: &LossTally) {
        let weight = (EARLY / early.total().max(1.0)).min(1.0);
        self.low.add(early.arrived * weight, early.lost * weight);
        self.judge();
    }

    /// Packets that were sent slowly.
    pub(super) fn add_low(&mut self, arrived: f64, lost: f64) {
        self.low.add(arrived, lost);
    }

    /// Packets that were sent at the full rate.
    pub(super) fn add_full(&mut self, arrived: f64, lost: f64) {
        self.full.add(arrived, lost);
    }

    /// Random loss: the share of packets that the path loses whatever the rate, 0..=0.5.
    pub(super) const fn own(&self) -> f64 {
        self.own
    }

    /// Whether a round lost clearly more than random loss explains: something overflows.
    pub(super) fn is_excess(&self, round: &LossTally) -> bool {
        round.total() >= TELLING && round.ratio() - self.own > EXCESS + round.doubt()
    }

    /// Whether so much is lost, in a round too, that it is worth knowing whether that is random loss, and too few packets were sent slowly
    /// to tell.
    pub(super) fn is_unclear(&self, round: &LossTally) -> bool {
        let mut all = self.low;
        all.add(round.arrived, round.lost);
        self.low.total() < ENOUGH && all.ratio() > WORTH_KNOWING
    }

    /// What was seen belongs to a path that has changed.
    pub(super) fn forget(&mut self) {
        (self.low, self.full) = (LossTally::default(), LossTally::default());
    }

    /// Concludes. What is lost at the low rate is random loss; what is lost at the full rate, of which there are more
    /// packets, sharpens that, but counts only as far as the low rate's own uncertainty allows: loss that grows with
    /// the rate is a limit and must not be paid for.
    pub(super) fn judge(&mut self) {
        if self.low.total() < ENOUGH {
            return;
        }
        let most = self.low.ratio() + self.low.doubt();
        let own = if self.full.total() < ENOUGH { self.low.ratio() } else { self.full.ratio().min(most) };
        self.own = own.min(MAX_PAID);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn loss_at_every_rate_is_the_paths_own() {
        let mut losses = Losses::default();
        losses.add_low(160.0, 40.0);
        losses.add_full(810.0, 190.0);
        losses.judge();
        assert!((0.18..0.21).contains(&losses.own()), "{}", losses.own());
    }

    #[test]
    fn loss_that_goes_away_at_a_lower_rate_is_not_paid_for() {
        let mut losses = Losses::default();
        losses.add_low(198.0, 2.0);
        losses.add_full(800.0, 200.0);
        losses.judge();
        assert!(losses.own() < 0.03, "{}", losses.own());
    }

    #[test]
    fn a_round_that_loses_more_than_the_paths_own_shows_an_overflow() {
        let (mut losses, mut round) = (Losses::default(), LossTally::default());
        losses.add_low(180.0, 20.0);
        losses.judge();
        round.add(88.0, 12.0);
        assert!(!losses.is_excess(&round), "12 of 100, where 10 are usual");
        round.add(82.0, 58.0);
        assert!(losses.is_excess(&round));
        let mut few = LossTally::default();
        few.add(20.0, 20.0);
        assert!(!losses.is_excess(&few), "40 packets say nothing");
    }

    #[test]
    fn much_loss_is_unclear_until_enough_packets_were_sent_slowly() {
        let (mut losses, mut round) = (Losses::default(), LossTally::default());
        assert!(!losses.is_unclear(&round), "nothing is lost");
        round.add(5.0, 5.0);
        assert!(losses.is_unclear(&round));
        losses.add_low(9.0, 9.0);
        assert!(losses.is_unclear(&LossTally::default()), "18 packets");
        losses.add_low(1.0, 1.0);
        assert!(!losses.is_unclear(&round));
    }

    #[test]
    fn a_few_packets_prove_nothing() {
        let mut losses = Losses::default();
        losses.add_low(5.0, 5.0);
        losses.judge();
        assert!(losses.own() == 0.0, "{}", losses.own());
    }
}
