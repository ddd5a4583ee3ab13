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
    /// How often packets were lost: those lost in a row are once.
    bursts: f64,
}

impl LossTally {
    /// A packet that arrived.
    pub(super) const ARRIVED: Self = Self { arrived: 1.0, lost: 0.0, bursts: 0.0 };

    /// One that was lost; and the same where the one before it was lost as well.
    pub(super) const LOST: Self = Self { arrived: 0.0, lost: 1.0, bursts: 1.0 };
    pub(super) const LOST_IN_ROW: Self = Self { bursts: 0.0, ..Self::LOST };

    /// One that was thought lost and arrived after all.
    pub(super) const SPURIOUS: Self = Self { arrived: 1.0, lost: -1.0, bursts: 0.0 };

    /// So many packets, each lost by itself.
    pub(super) const fn new(arrived: f64, lost: f64) -> Self {
        Self { arrived, lost, bursts: lost }
    }

    /// Counts more packets.
    pub(super) fn add(&mut self, more: &Self) {
        self.arrived += more.arrived;
        self.lost = (self.lost + more.lost).max(0.0);
        self.bursts += more.bursts;
        if self.total() > MEMORY {
            *self = self.part(0.5);
        }
    }

    /// The same with less weight.
    fn part(&self, part: f64) -> Self {
        Self { arrived: self.arrived * part, lost: self.lost * part, bursts: self.bursts * part }
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

    /// How far the ratio may be off: two standard deviations.
    pub(super) fn doubt(&self) -> f64 {
        let ratio = self.ratio();
        2.0 * (ratio * (1.0 - ratio) / self.total().max(1.0)).sqrt()
    }

    /// The same where losses come in bursts: those of one are no more evidence than a single one. The variance of the ratio is larger by a factor that
    /// follows from how long bursts are (Gilbert's model); 1 where each packet is lost or not by itself.
    pub(super) fn doubt_of_bursts(&self) -> f64 {
        let length = self.lost / self.bursts.max(1.0);
        self.doubt() * (2.0 * length * (1.0 - self.ratio()) - 1.0).max(1.0).sqrt()
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
        self.low.add(&early.part((EARLY / early.total().max(1.0)).min(1.0)));
        self.judge();
    }

    /// Packets that were sent slowly.
    pub(super) fn add_low(&mut self, packets: &LossTally) {
        self.low.add(packets);
    }

    /// Packets that were sent at the full rate.
    pub(super) fn add_full(&mut self, packets: &LossTally) {
        self.full.add(packets);
    }

    /// Random loss: the share of packets that the path loses whatever the rate, 0..=0.5.
    pub(super) const fn own(&self) -> f64 {
        self.own
    }

    /// Whether a round lost clearly more than random loss explains: something overflows.
    pub(super) fn is_excess(&self, round: &LossTally) -> bool {
        round.total() >= TELLING && round.ratio() - self.own > EXCESS + round.doubt_of_bursts()
    }

    /// Whether so much is lost, in a round too, that it is worth knowing whether that is random loss, and too few packets were sent slowly
    /// to tell.
    pub(super) fn is_unclear(&self, round: &LossTally) -> bool {
        let mut all = self.low;
        all.add(round);
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
        losses.add_low(&LossTally::new(160.0, 40.0));
        losses.add_full(&LossTally::new(810.0, 190.0));
        losses.judge();
        assert!((0.18..0.21).contains(&losses.own()), "{}", losses.own());
    }

    #[test]
    fn loss_that_goes_away_at_a_lower_rate_is_not_paid_for() {
        let mut losses = Losses::default();
        losses.add_low(&LossTally::new(198.0, 2.0));
        losses.add_full(&LossTally::new(800.0, 200.0));
        losses.judge();
        assert!(losses.own() < 0.03, "{}", losses.own());
    }

    #[test]
    fn a_round_that_loses_more_than_the_paths_own_shows_an_overflow() {
        let (mut losses, mut round) = (Losses::default(), LossTally::default());
        losses.add_low(&LossTally::new(180.0, 20.0));
        losses.judge();
        round.add(&LossTally::new(88.0, 12.0));
        assert!(!losses.is_excess(&round), "12 of 100, where 10 are usual");
        round.add(&LossTally::new(82.0, 58.0));
        assert!(losses.is_excess(&round));
        let mut few = LossTally::default();
        few.add(&LossTally::new(20.0, 20.0));
        assert!(!losses.is_excess(&few), "40 packets say nothing");
    }

    #[test]
    fn much_loss_is_unclear_until_enough_packets_were_sent_slowly() {
        let (mut losses, mut round) = (Losses::default(), LossTally::default());
        assert!(!losses.is_unclear(&round), "nothing is lost");
        round.add(&LossTally::new(5.0, 5.0));
        assert!(losses.is_unclear(&round));
        losses.add_low(&LossTally::new(9.0, 9.0));
        assert!(losses.is_unclear(&LossTally::default()), "18 packets");
        losses.add_low(&LossTally::new(1.0, 1.0));
        assert!(!losses.is_unclear(&round));
    }

    #[test]
    fn losses_in_a_row_leave_more_doubt_than_as_many_one_by_one() {
        let (one_by_one, mut in_bursts) = (LossTally::new(80.0, 20.0), LossTally::new(80.0, 2.0));
        (0..18).for_each(|_| in_bursts.add(&LossTally::LOST_IN_ROW));
        assert!((one_by_one.doubt_of_bursts() - 0.08).abs() < 0.001, "{}", one_by_one.doubt_of_bursts());
        // Two bursts of ten: the variance is 2 * 10 * 0.8 - 1 times as large.
        assert!((in_bursts.doubt_of_bursts() - 0.31).abs() < 0.001, "{}", in_bursts.doubt_of_bursts());
        let losses = Losses::default();
        assert!(losses.is_excess(&one_by_one) && !losses.is_excess(&in_bursts));
    }

    #[test]
    fn a_few_packets_prove_nothing() {
        let mut losses = Losses::default();
        losses.add_low(&LossTally::new(5.0, 5.0));
        losses.judge();
        assert!(losses.own() == 0.0, "{}", losses.own());
    }
}
