//! The wheel against an ordered map, which is slow and obviously right.

use std::collections::{BTreeMap, HashMap};
use std::mem;

use super::super::*;
use super::{MILLISECOND, MOST_WAKEUPS, SECOND, SplitMix, YEAR, advance, at};

#[test]
fn agrees_with_an_ordered_map() {
    for seed in 0..300 {
        let mut model = Model::new(seed);
        for _ in 0..2000 {
            model.step();
        }
        model.finish();
    }
}

/// The same set of timers in a wheel and in a map ordered as the wheel must order them.
struct Model {
    random: SplitMix,
    wheel: Wheel<u64>,
    pending: BTreeMap<(Instant, u64), TimerId>,
    /// Key in `pending` (stale for due timers) and value of each live timer.
    timers: HashMap<TimerId, ((Instant, u64), u64)>,
    due: Vec<TimerId>,
    /// Every id ever given out, so that stale ones are tried too.
    ids: Vec<TimerId>,
    now: u64,
    order: u64,
    /// Steps keep about this many timers alive.
    crowd: usize,
}

impl Model {
    fn new(seed: u64) -> Self {
        let mut random = SplitMix(seed);
        // Beginning late, some seeds cross the boundaries of the highest levels and the end of time.
        let now = if random.below(3) == 0 { random.next() >> random.below(8) } else { 0 };
        let crowd = [3, 30, 300][random.below(3) as usize];
        let mut wheel = Wheel::new();
        assert_eq!(advance(&mut wheel, now), []);
        let (pending, timers, due, ids) = Default::default();
        Self { random, wheel, pending, timers, due, ids, now, order: 0, crowd }
    }

    fn step(&mut self) {
        let crowded = self.timers.len() >= self.crowd;
        match self.random.below(10) {
            0..=3 if !crowded => self.insert(),
            0..=4 => self.remove(),
            5 => self.reschedule(),
            6 if self.has_work_before_the_end() => self.advance_to_wakeup(),
            6 => self.insert(),
            7 => {
                let jump = self.distance();
                self.advance(self.now.saturating_add(jump));
            }
            8 if self.random.below(100) == 0 => self.drain(),
            8 => self.run_due(),
            _ => _ = self.check_wakeup(),
        }
        assert_eq!(self.wheel.len(), self.timers.len());
    }

    /// The end of time is for the last step, as nothing else can be tried after it.
    fn has_work_before_the_end(&self) -> bool {
        self.pending.keys().next().is_some_and(|&(earliest, _)| earliest < Instant::NEVER)
    }

    fn insert(&mut self) {
        let key = (self.any_deadline(), self.order);
        let id = self.wheel.insert(key.0, self.order);
        assert!(self.timers.insert(id, (key, self.order)).is_none(), "{id:?} is in use");
        self.pending.insert(key, id);
        self.ids.push(id);
        self.order += 1;
    }

    fn remove(&mut self) {
        let Some(id) = self.any_id() else { return };
        self.remove_id(id);
    }

    fn remove_id(&mut self, id: TimerId) {
        let expected = self.timers.remove(&id);
        assert_eq!(self.wheel.deadline(id), expected.map(|((deadline, _), _)| deadline));
        assert_eq!(self.wheel.remove(id), expected.map(|(_, value)| value));
        if let Some((key, _)) = expected {
            self.pending.remove(&key);
            self.due.retain(|&due| due != id);
        }
    }

    fn reschedule(&mut self) {
        let Some(id) = self.any_id() else { return };
        let key = (self.any_deadline(), self.order);
        self.order += 1;
        let timer = self.timers.get_mut(&id);
        assert_eq!(self.wheel.reschedule(id, key.0), timer.is_some());
        if let Some((old, _)) = timer {
            self.pending.remove(old);
            self.pending.insert(key, id);
            *old = key;
            self.due.retain(|&due| due != id);
        }
    }

    fn advance(&mut self, now: u64) {
        self.now = now;
        let later = self.pending.split_off(&(at(now), u64::MAX));
        let expected: Vec<_> = mem::replace(&mut self.pending, later).into_values().collect();
        assert_eq!(advance(&mut self.wheel, now), expected);
        self.due.extend(expected);
        assert!(self.due.iter().all(|&id| self.wheel.is_due(id)));
        assert!(self.pending.values().all(|&id| !self.wheel.is_due(id)));
    }

    fn advance_to_wakeup(&mut self) {
        let Some((&(earliest, _), _)) = self.pending.first_key_value() else { return };
        for _ in 0..MOST_WAKEUPS {
            let wakeup = self.check_wakeup().unwrap();
            self.advance(wakeup.as_nanos().max(self.now));
            if self.now >= earliest.as_nanos() {
                return;
            }
        }
        panic!("{earliest:?} is not reached after {MOST_WAKEUPS} wakeups");
    }

    fn check_wakeup(&mut self) -> Option<Instant> {
        let earliest = self.pending.first_key_value().map(|(&(deadline, _), _)| deadline);
        let wakeup = self.wheel.next_wakeup();
        assert_eq!(wakeup.is_some(), earliest.is_some());
        assert!(wakeup <= earliest);
        let in_lowest_level = |deadline: Instant| tick_of(deadline) / 64 <= tick_of(at(self.now)) / 64;
        if earliest.is_some_and(in_lowest_level) {
            assert_eq!(wakeup, earliest);
        }
        wakeup
    }

    fn run_due(&mut self) {
        let count = self.random.below(4) as usize;
        for _ in 0..count.min(self.due.len()) {
            self.remove_id(self.due[0]);
        }
    }

    fn finish(&mut self) {
        while !self.pending.is_empty() {
            self.advance_to_wakeup();
        }
        self.drain();
    }

    fn drain(&mut self) {
        let mut expected: Vec<_> = self.timers.values().map(|&(_, value)| value).collect();
        let mut drained = self.wheel.drain();
        expected.sort_unstable();
        drained.sort_unstable();
        assert_eq!(drained, expected);
        self.timers.clear();
        self.pending.clear();
        self.due.clear();
        assert!(self.ids.iter().all(|&id| self.wheel.remove(id).is_none()));
    }

    fn any_id(&mut self) -> Option<TimerId> {
        let recent = self.ids.len().min(2 * self.crowd);
        let back = self.random.below(recent.max(1) as u64) as usize;
        self.ids.iter().rev().nth(back).copied()
    }

    fn any_deadline(&mut self) -> Instant {
        let distance = self.distance();
        match self.random.below(8) {
            0 => at(self.now.saturating_sub(distance)),
            1 => Instant::NEVER,
            2 => self.pending.keys().next_back().map_or(Instant::ZERO, |&(deadline, _)| deadline),
            3 => self.pending.keys().next().map_or(Instant::ZERO, |&(deadline, _)| deadline),
            _ => at(self.now.saturating_add(distance)),
        }
    }

    /// Often nothing at all or some nanoseconds, seldom years.
    fn distance(&mut self) -> u64 {
        let scales =
            [1, 5, 5000, MILLISECOND, 70 * MILLISECOND, 10 * SECOND, 9000 * SECOND, YEAR / 9, 8 * YEAR];
        let scale = self.random.below(36).min(self.random.below(36)) as usize / 4;
        self.random.below(scales[scale])
    }
}
