//! Numbers from a seed.

use crate::random::Random;

/// Numbers that look random and are the same for the same seed, on every machine and in every version.
///
/// ```
/// use ropewalk_reactor::testing::Dice;
///
/// let mut dice = Dice::new(7);
/// assert!(dice.roll(6) < 6);
/// assert!(!dice.chance(0.0));
/// assert_eq!(Dice::new(7).roll(1_000_000), Dice::new(7).roll(1_000_000));
/// ```
#[derive(Clone, Debug)]
pub struct Dice(Random);

impl Dice {
    /// Dice whose numbers follow from `seed`.
    pub const fn new(seed: u64) -> Self {
        Self(Random::new(seed))
    }

    /// Any number.
    pub const fn number(&mut self) -> u64 {
        self.0.next()
    }

    /// A number below `sides`; zero if there are none.
    pub const fn roll(&mut self, sides: u64) -> u64 {
        if sides == 0 { 0 } else { self.0.next() % sides }
    }

    /// True with this probability, from 0 for never to 1 for always.
    pub fn chance(&mut self, probability: f64) -> bool {
        // Never and always need no number, so that what cannot happen changes nothing.
        probability > 0.0
            && (probability >= 1.0 || ((self.0.next() >> 11) as f64) < probability * (1u64 << 53) as f64)
    }

    /// Puts `items` into an order in which each is as likely to come first.
    pub fn shuffle<T>(&mut self, items: &mut [T]) {
        for last in (1..items.len()).rev() {
            // Fits: it is at most `last`.
            let other = self.roll(last as u64 + 1) as usize;
            items.swap(last, other);
        }
    }
}
