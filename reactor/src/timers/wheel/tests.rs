use std::time::Duration;

use super::*;

mod model;

const MILLISECOND: u64 = 1_000_000;
const SECOND: u64 = 1000 * MILLISECOND;
const YEAR: u64 = 365 * 24 * 3600 * SECOND;
const MOST_WAKEUPS: usize = 7;

fn at(nanoseconds: u64) -> Instant {
    Instant::from_nanos(nanoseconds)
}

fn advance<T>(wheel: &mut Wheel<T>, now: u64) -> Vec<TimerId> {
    let mut due = Vec::new();
    wheel.advance(at(now), &mut due);
    due
}

/// Sleeps from wakeup to wakeup until something is due; how often, when, and what.
fn sleep(wheel: &mut Wheel<u64>) -> (usize, Instant, Vec<TimerId>) {
    let mut due = Vec::new();
    for wakeups in 1..=MOST_WAKEUPS {
        let wakeup = wheel.next_wakeup().unwrap();
        wheel.advance(wakeup, &mut due);
        if !due.is_empty() {
            return (wakeups, wakeup, due);
        }
    }
    panic!("nothing due after {MOST_WAKEUPS} wakeups");
}

#[test]
fn equal_deadlines_keep_the_order_of_insertion() {
    for deadline in [0, 5, 64 * MILLISECOND, SECOND + 1, YEAR, 5 * YEAR] {
        let mut wheel = Wheel::new();
        let first = wheel.insert(at(deadline), 0);
        let moved = wheel.insert(at(deadline), 1);
        let second = wheel.insert(at(deadline), 2);
        advance(&mut wheel, deadline / 2);
        let third = wheel.insert(at(deadline), 3);
        wheel.reschedule(moved, at(deadline));
        let expected = [first, second, third, moved];
        let seen: Vec<_> = if deadline == 0 { expected.to_vec() } else { advance(&mut wheel, deadline) };
        assert_eq!(seen, expected);
    }
}

#[test]
fn never_early_by_one_nanosecond() {
    for deadline in [1, 999_999, MILLISECOND, MILLISECOND + 1, 64 * MILLISECOND, SECOND + 17, YEAR, 9 * YEAR]
    {
        let mut wheel = Wheel::new();
        let id = wheel.insert(at(deadline), ());
        assert_eq!(advance(&mut wheel, deadline - 1), []);
        assert!(!wheel.is_due(id));
        assert_eq!(wheel.next_wakeup(), Some(at(deadline)));
        assert_eq!(advance(&mut wheel, deadline), [id]);
        assert!(wheel.is_due(id));
    }
}

#[test]
fn others_of_the_same_millisecond_stay() {
    let mut wheel = Wheel::new();
    let ids: Vec<_> = (0..1000).map(|nanosecond| wheel.insert(at(SECOND + nanosecond), ())).collect();
    for (nanosecond, &id) in (0..).zip(&ids) {
        assert_eq!(advance(&mut wheel, SECOND + nanosecond), [id]);
        assert_eq!(
            wheel.next_wakeup(),
            ids.get(nanosecond as usize + 1).map(|&id| wheel.deadline(id).unwrap())
        );
    }
}

#[test]
fn a_year() {
    let mut wheel = Wheel::new();
    let id = wheel.insert(at(YEAR), 0);
    let short = wheel.insert(at(SECOND), 1);
    assert_eq!(sleep(&mut wheel), (1, at(SECOND), vec![short]));
    assert_eq!(sleep(&mut wheel), (1, at(YEAR), vec![id]));
    let next = wheel.insert(at(YEAR) + Duration::from_nanos(YEAR), 2);
    assert_eq!(advance(&mut wheel, 100 * YEAR), [next]);
}

#[test]
fn never() {
    let mut wheel = Wheel::new();
    let id = wheel.insert(Instant::NEVER, 0);
    let last_but_one = wheel.insert(at(u64::MAX - 1), 1);
    assert_eq!(advance(&mut wheel, 500 * YEAR), []);
    assert_eq!(sleep(&mut wheel).2, [last_but_one]);
    assert_eq!(wheel.next_wakeup(), Some(Instant::NEVER));
    assert_eq!(advance(&mut wheel, u64::MAX), [id]);
    let again = wheel.insert(Instant::NEVER, 2);
    assert_eq!(wheel.next_wakeup(), Some(Instant::NEVER));
    assert_eq!(advance(&mut wheel, u64::MAX), [again]);
}

#[test]
fn zero_and_past_deadlines_are_due_at_the_next_advance() {
    let mut wheel = Wheel::new();
    let zero = wheel.insert(Instant::ZERO, 0);
    assert_eq!(wheel.next_wakeup(), Some(Instant::ZERO));
    assert_eq!(advance(&mut wheel, 0), [zero]);
    advance(&mut wheel, YEAR);
    let past = wheel.insert(at(YEAR - SECOND), 1);
    let zero = wheel.insert(Instant::ZERO, 2);
    assert_eq!(wheel.next_wakeup(), Some(Instant::ZERO));
    assert_eq!(advance(&mut wheel, YEAR), [zero, past]);
}

#[test]
fn time_given_backwards_fires_nothing_early() {
    let mut wheel = Wheel::new();
    advance(&mut wheel, SECOND);
    let id = wheel.insert(at(SECOND / 2), ());
    assert_eq!(advance(&mut wheel, SECOND / 2 - 1), []);
    assert_eq!(advance(&mut wheel, SECOND / 2), [id]);
}

#[test]
fn cancel_while_due() {
    let mut wheel = Wheel::new();
    let first = wheel.insert(at(1), "first");
    let second = wheel.insert(at(2), "second");
    assert_eq!(advance(&mut wheel, SECOND), [first, second]);
    assert_eq!(wheel.remove(first), Some("first"));
    assert_eq!((wheel.is_due(first), wheel.is_due(second), wheel.len()), (false, true, 1));
    assert_eq!(wheel.remove(second), Some("second"));
    assert_eq!((wheel.is_due(second), wheel.remove(second), wheel.len()), (false, None, 0));
}

#[test]
fn reschedule_while_due() {
    let mut wheel = Wheel::new();
    let id = wheel.insert(at(1), ());
    let dead = wheel.insert(at(1), ());
    assert_eq!(advance(&mut wheel, SECOND), [id, dead]);
    assert_eq!(wheel.next_wakeup(), None);
    assert!(wheel.reschedule(id, at(2)));
    assert!(!wheel.is_due(id));
    assert_eq!((wheel.deadline(id), wheel.next_wakeup()), (Some(at(2)), Some(at(2))));
    assert_eq!(advance(&mut wheel, SECOND), [id]);
    wheel.remove(dead);
    assert!(!wheel.reschedule(dead, at(3)));
}

#[test]
fn stale_id_after_slot_reuse() {
    let mut wheel = Wheel::new();
    let stale = wheel.insert(at(1), 0);
    assert_eq!(wheel.remove(stale), Some(0));
    let fresh = wheel.insert(at(1), 1);
    assert_eq!(stale.index, fresh.index);
    assert_eq!((wheel.deadline(stale), wheel.is_due(stale), wheel.remove(stale)), (None, false, None));
    assert!(!wheel.reschedule(stale, at(9)));
    assert_eq!(wheel.deadline(fresh), Some(at(1)));
}

#[test]
fn a_million_armed_and_cancelled() {
    const COUNT: usize = 1_000_000;
    let mut wheel = Wheel::new();
    let mut random = SplitMix(1);
    let keeper = wheel.insert(Instant::NEVER, 0);
    let mut ids = Vec::new();
    for _ in 0..2 {
        ids = (0..COUNT).map(|_| wheel.insert(at(random.below(60 * SECOND)), 1)).collect();
        assert_eq!((wheel.len(), wheel.nodes.len()), (COUNT + 1, COUNT + 1));
        assert!(ids.iter().all(|&id| wheel.remove(id) == Some(1)));
    }
    assert_eq!(wheel.next_wakeup(), Some(Instant::NEVER));
    assert_eq!(wheel.remove(keeper), Some(0));
    assert_eq!((wheel.len(), wheel.nodes.capacity(), wheel.next_wakeup()), (0, 0, None));
    ids.iter_mut().for_each(|id| assert_eq!(wheel.remove(*id), None));
    let fresh = wheel.insert(at(1), 2);
    assert!(ids.iter().all(|&id| wheel.deadline(id).is_none()), "ids stay stale though the arena is new");
    assert_eq!(advance(&mut wheel, SECOND), [fresh]);
}

#[test]
fn entries_of_cancelled_timers_do_not_pile_up() {
    let mut wheel = Wheel::new();
    (0..10_000).for_each(|_| _ = wheel.insert(at(1), ()));
    advance(&mut wheel, 1);
    wheel.insert(at(5), ());
    for _ in 0..10_000 {
        let early = wheel.insert(at(4), ());
        let late = wheel.insert(at(6), ());
        assert_eq!(wheel.next_wakeup(), Some(at(4)));
        wheel.remove(early);
        wheel.remove(late);
        assert!(wheel.near.len() <= KEPT_ENTRIES + 4);
    }
}

#[test]
fn entries_of_a_crowd_that_is_cancelled_at_once_go() {
    for crowd in [1_000, 1_001] {
        let mut wheel = Wheel::new();
        wheel.insert(at(1), ());
        let ids: Vec<_> = (0..crowd).map(|_| wheel.insert(at(2), ())).collect();
        assert_eq!(wheel.next_wakeup(), Some(at(1)));
        for id in ids {
            wheel.remove(id);
        }
        assert!(wheel.near.len() <= KEPT_ENTRIES + 4, "{} of {crowd} are left", wheel.near.len());
    }
}

#[test]
fn drain() {
    let mut wheel = Wheel::new();
    let due = wheel.insert(at(1), 1);
    advance(&mut wheel, SECOND);
    let near = wheel.insert(at(2), 2);
    wheel.next_wakeup();
    let cancelled = wheel.insert(at(3), 3);
    wheel.remove(cancelled);
    let far = wheel.insert(Instant::NEVER, 4);
    let mut values = wheel.drain();
    values.sort_unstable();
    assert_eq!(values, [1, 2, 4]);
    assert_eq!((wheel.len(), wheel.next_wakeup()), (0, None));
    let fresh = wheel.insert(at(SECOND), 5);
    assert!([due, near, cancelled, far].iter().all(|&id| wheel.remove(id).is_none()));
    assert_eq!(advance(&mut wheel, u64::MAX), [fresh]);
}

/// Else they would all be correct, and looked at again and again.
#[test]
fn timers_of_one_level_wait_in_slots_of_their_own() {
    let mut wheel = Wheel::new();
    let mut places = Vec::new();
    for (level, digit) in (1..LEVELS as u32).flat_map(|level| (1..RADIX).map(move |digit| (level, digit))) {
        let id = wheel.insert(at((u64::from(digit) << (level * 6)) * MILLISECOND), ());
        let Place::Slot(number) = wheel.nodes[id.index as usize].place else { panic!("not in a slot") };
        places.push(number);
    }
    let timers = places.len();
    places.sort_unstable();
    places.dedup();
    assert_eq!(places.len(), timers);
}

#[test]
fn a_node_is_small() {
    assert!(size_of::<Node<Box<dyn Fn()>>>() <= 48);
    assert!(size_of::<Node<[u64; 2]>>() <= 56);
}

struct SplitMix(u64);

impl SplitMix {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    fn below(&mut self, bound: u64) -> u64 {
        self.next() % bound
    }
}
