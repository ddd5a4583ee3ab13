//! What differs by chance from link to link, so that many that began together do not go on together.

use std::time::Duration;

/// Into how many steps a time is divided.
const STEPS: u32 = 256;

/// A part of something, drawn once: from none to nearly all of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Chance(u8);

impl Chance {
    /// None of it.
    pub(super) const NONE: Self = Self(0);

    /// The middle.
    #[cfg(test)]
    pub(super) const HALF: Self = Self(128);

    /// `drawn` is any number, as random as can be.
    pub(super) const fn new(drawn: u32) -> Self {
        Self(drawn.to_le_bytes()[0])
    }

    /// Its part of `whole`.
    pub(super) fn of(self, whole: Duration) -> Duration {
        whole / STEPS * u32::from(self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_a_part_and_not_the_whole() {
        let whole = Duration::from_millis(256);
        assert_eq!([0, 1, 255, 256].map(|drawn| Chance::new(drawn).of(whole).as_millis()), [0, 1, 255, 0]);
        assert_eq!(Chance::HALF.of(whole), whole / 2);
    }
}
