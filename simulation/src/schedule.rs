//! What will happen, in order of time.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

use ropewalk_reactor::Instant;

/// Things that will happen. Of those that happen at the same time, the one that was added first comes first.
pub(crate) struct Schedule<T> {
    waiting: BinaryHeap<Reverse<Entry<T>>>,
    added: u64,
}

struct Entry<T> {
    at: Instant,
    number: u64,
    what: T,
}

impl<T> Schedule<T> {
    pub(crate) const fn new() -> Self {
        Self { waiting: BinaryHeap::new(), added: 0 }
    }

    pub(crate) fn add(&mut self, at: Instant, what: T) {
        self.added += 1;
        self.waiting.push(Reverse(Entry { at, number: self.added, what }));
    }

    /// When the next thing happens.
    pub(crate) fn next_time(&self) -> Option<Instant> {
        self.waiting.peek().map(|entry| entry.0.at)
    }

    /// Takes the next thing that happens at `now` or before.
    pub(crate) fn take_due(&mut self, now: Instant) -> Option<T> {
        self.next_time().filter(|at| *at <= now)?;
        self.waiting.pop().map(|entry| entry.0.what)
    }
}

impl<T> Entry<T> {
    const fn order(&self) -> (Instant, u64) {
        (self.at, self.number)
    }
}

impl<T> Ord for Entry<T> {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        self.order().cmp(&other.order())
    }
}

impl<T> PartialOrd for Entry<T> {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl<T> PartialEq for Entry<T> {
    fn eq(&self, other: &Self) -> bool {
        self.order() == other.order()
    }
}

impl<T> Eq for Entry<T> {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_earlier_comes_first_and_of_two_at_once_the_one_added_first() {
        let mut schedule = Schedule::new();
        let (early, late) = (Instant::from_nanos(1), Instant::from_nanos(2));
        for (at, what) in [(late, 'c'), (early, 'a'), (late, 'd'), (early, 'b')] {
            schedule.add(at, what);
        }
        let due: Vec<_> = std::iter::from_fn(|| schedule.take_due(early)).collect();
        assert_eq!(due, ['a', 'b']);
        assert_eq!(schedule.next_time(), Some(late));
        let due: Vec<_> = std::iter::from_fn(|| schedule.take_due(late)).collect();
        assert_eq!(due, ['c', 'd']);
    }
}
