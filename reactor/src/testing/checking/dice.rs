//! Random choices from a seed.

use crate::random::Random;

/// Random choices from a seed, for making scripts: the same seed, the same choices.
#[derive(Clone, Debug)]
pub struct Dice(Random);

impl Dice {
    /// Dice whose choices the seed determines.
    pub const fn new(seed: u64) -> Self {
        Self(Random::new(seed))
    }

    /// A number from zero on and below `end`.
    ///
    /// # Panics
    /// If `end` is zero.
    pub fn below(&mut self, end: usize) -> usize {
        assert!(end > 0, "there is no number below zero");
        // Fits: it is less than `end`.
        (self.0.next() % end as u64) as usize
    }

    /// One of several things.
    ///
    /// # Panics
    /// If there is none.
    pub fn pick<'a, T>(&mut self, of: &'a [T]) -> &'a T {
        &of[self.below(of.len())]
    }

    /// Up to `length_max` bytes of any values.
    pub fn bytes(&mut self, length_max: usize) -> Vec<u8> {
        let length = self.below(length_max + 1);
        // The lowest byte is as random as any.
        std::iter::repeat_with(|| self.0.next() as u8).take(length).collect()
    }
}
