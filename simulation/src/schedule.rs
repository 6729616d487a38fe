//! What will happen, in order of time.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

use ropewalk_reactor::Instant;

/// Things that will happen. Of those that happen at the same time, the one that was added first comes first.
pub(crate) struct Schedule<T> {
    /// When, in which order, and where among `things`. The things themselves are large, and stay where they are while the
    /// heap is put in order.
    waiting: BinaryHeap<Reverse<(Instant, u64, usize)>>,
    things: Vec<Option<T>>,
    /// Where there is no thing.
    free: Vec<usize>,
    added: u64,
}

impl<T> Schedule<T> {
    pub(crate) const fn new() -> Self {
        Self { waiting: BinaryHeap::new(), things: Vec::new(), free: Vec::new(), added: 0 }
    }

    pub(crate) fn add(&mut self, at: Instant, what: T) {
        let place = self.free.pop().unwrap_or_else(|| {
            self.things.push(None);
            self.things.len() - 1
        });
        self.things[place] = Some(what);
        self.added += 1;
        self.waiting.push(Reverse((at, self.added, place)));
    }

    /// When the next thing happens.
    pub(crate) fn next_time(&self) -> Option<Instant> {
        self.waiting.peek().map(|Reverse((at, ..))| *at)
    }

    /// Takes the next thing that happens at `now` or before.
    pub(crate) fn take_due(&mut self, now: Instant) -> Option<T> {
        self.next_time().filter(|at| *at <= now)?;
        let Reverse((.., place)) = self.waiting.pop()?;
        self.free.push(place);
        self.things[place].take()
    }
}

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
