//! Numbers from a seed.

use std::cell::RefCell;

use crate::random::Random;

/// Numbers that look random and are the same for the same seed, on every machine and in every version.
///
/// ```
/// use ropewalk_reactor::testing::Dice;
///
/// let dice = Dice::new(7);
/// assert!(dice.roll(6) < 6);
/// assert!(!dice.chance(0.0));
/// assert_eq!(Dice::new(7).number(), Dice::new(7).number());
/// ```
#[derive(Debug)]
pub struct Dice {
    random: RefCell<Random>,
    /// What comes before the numbers from the seed; the next is the last.
    given: RefCell<Vec<u8>>,
}

impl Dice {
    /// Dice whose numbers follow from `seed`.
    pub const fn new(seed: u64) -> Self {
        Self { random: RefCell::new(Random::new(seed)), given: RefCell::new(Vec::new()) }
    }

    /// Dice whose first numbers are made of these bytes, so that whoever makes the bytes, such as a fuzzer, decides. Each
    /// takes as many bytes as its range needs: a chance, or a roll of up to 256 sides, takes one. After the bytes come the
    /// numbers of seed 0.
    ///
    /// ```
    /// use ropewalk_reactor::testing::Dice;
    ///
    /// let dice = Dice::from_bytes(&[3, 0, 1]);
    /// assert_eq!(dice.roll(6), 3);
    /// assert_eq!(dice.roll(1_000), 256);
    /// assert_eq!(dice.number(), Dice::new(0).number());
    /// ```
    pub fn from_bytes(bytes: &[u8]) -> Self {
        let given = bytes.iter().rev().copied().collect();
        Self { random: RefCell::new(Random::new(0)), given: RefCell::new(given) }
    }

    /// Any number.
    pub fn number(&self) -> u64 {
        self.up_to(u64::MAX)
    }

    /// A number below `sides`; zero if there are none.
    pub fn roll(&self, sides: u64) -> u64 {
        let Some(highest) = sides.checked_sub(1) else { return 0 };
        self.up_to(highest) % sides
    }

    /// One of several things.
    ///
    /// # Panics
    /// If there is none.
    pub fn pick<'a, T>(&self, of: &'a [T]) -> &'a T {
        // Fits: it is less than the length.
        &of[self.roll(of.len() as u64) as usize]
    }

    /// Up to `length_max` bytes of any values.
    pub fn bytes(&self, length_max: usize) -> Vec<u8> {
        let length = self.roll(length_max as u64 + 1);
        // The lowest byte is as random as any.
        (0..length).map(|_| self.number() as u8).collect()
    }

    /// Fills a buffer with bytes of any values.
    pub fn fill(&self, buffer: &mut [u8]) {
        for chunk in buffer.chunks_mut(8) {
            chunk.copy_from_slice(&self.number().to_le_bytes()[..chunk.len()]);
        }
    }

    /// True with this probability, from 0 for never to 1 for always.
    pub fn chance(&self, probability: f64) -> bool {
        // Never and always take no number, so that what cannot happen changes nothing.
        probability >= 1.0 || probability > 0.0 && self.falls_below(probability)
    }

    fn falls_below(&self, probability: f64) -> bool {
        const STEPS: f64 = (1u64 << 53) as f64;
        match self.given(u64::from(u8::MAX)) {
            Some(byte) => (byte as f64) < probability * 256.0,
            None => ((self.random.borrow_mut().next() >> 11) as f64) < probability * STEPS,
        }
    }

    /// Any number, of which only what does not exceed `highest` counts.
    fn up_to(&self, highest: u64) -> u64 {
        self.given(highest).unwrap_or_else(|| self.random.borrow_mut().next())
    }

    /// A number of as many of the bytes as it takes to reach `highest`, the lowest first, if there are any left.
    fn given(&self, highest: u64) -> Option<u64> {
        let mut given = self.given.borrow_mut();
        if given.is_empty() {
            return None;
        }
        let count = (u64::BITS - highest.leading_zeros()).div_ceil(8) as usize;
        let first = given.len().saturating_sub(count);
        Some(given.drain(first..).fold(0, |number, byte| number << 8 | u64::from(byte)))
    }

    /// Puts `items` into an order in which each is as likely to come first.
    pub fn shuffle<T>(&self, items: &mut [T]) {
        for last in (1..items.len()).rev() {
            // Fits: it is at most `last`.
            let other = self.roll(last as u64 + 1) as usize;
            items.swap(last, other);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn chances_come_as_often_as_they_are_likely() {
        let dice = Dice::new(1);
        let came = (0..10_000).filter(|_| dice.chance(0.25)).count();
        assert!((2_300..2_700).contains(&came), "{came}");
        assert!((0..100).all(|_| !dice.chance(0.0) && dice.chance(1.0)));
    }

    #[test]
    fn picks_and_bytes_have_all_values_and_lengths() {
        let dice = Dice::new(3);
        let picked: std::collections::BTreeSet<_> = (0..100).map(|_| *dice.pick(&[1, 2, 3])).collect();
        assert_eq!(picked.len(), 3);
        let lengths: std::collections::BTreeSet<_> = (0..100).map(|_| dice.bytes(3).len()).collect();
        assert_eq!(lengths.into_iter().collect::<Vec<_>>(), [0, 1, 2, 3]);
    }

    #[test]
    fn shuffling_keeps_everything_and_has_every_order() {
        let dice = Dice::new(2);
        let mut orders = std::collections::BTreeSet::new();
        for _ in 0..200 {
            let mut items = [1, 2, 3];
            dice.shuffle(&mut items);
            orders.insert(items);
        }
        assert_eq!(orders.len(), 6);
    }
}
