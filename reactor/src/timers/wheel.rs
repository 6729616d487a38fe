//! A hierarchical timer wheel: constant-time timers for a reactor that arms and cancels far more than it
//! fires.
//!
//! Time is cut into ticks of one millisecond, and the ticks into six digits of six bits. A timer waits in the
//! level of the highest digit in which its tick differs from the wheel's, in the slot that this digit of its
//! tick names. So every timer of one level is earlier than every timer of the next, and a level never wraps
//! round. When the wheel's tick reaches a slot, its timers move to lower levels. Timers whose ticks differ
//! above the sixth digit, which all those 2.2 years ahead do, wait together in one slot beyond the top level.
//!
//! Ticks only say where a timer waits. What is due is decided to the nanosecond by the `near` heap, which
//! takes in a slot of the lowest level once somebody asks for its order. A slot of any number of timers is
//! thus put in order once, and not in every turn of the reactor's loop.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::mem;

use crate::Instant;

mod node;
mod position;
#[cfg(test)]
mod tests;

use node::{NONE, NearEntry, Node, Place, Slot};
use position::{
    BEYOND, LEVELS, RADIX, SLOTS, bit_of, digit, level_between, level_of, slot_number, slot_of, tick_of,
};

/// Names a timer; a key of a timer that has fired or been cancelled names nothing.
///
/// Generations are counted over the whole wheel, so that stale ids stay stale when the arena is freed. A
/// stale id can only be mistaken for a live one after exactly 2³² insertions (or a multiple) that end in its
/// node.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub(crate) struct TimerId {
    index: u32,
    generation: u32,
}

impl TimerId {
    /// Names no timer: the arena never has this many nodes.
    pub(crate) const DEAD: Self = Self { index: u32::MAX, generation: 0 };
}

/// A set of timers, each a deadline and a value.
///
/// A timer is *pending* until [`Wheel::advance`] reports it and *due* from then on, until it is removed or
/// rescheduled. Invariants:
///
/// - a pending timer is in exactly one slot's list or in `near`, a due one in neither;
/// - every timer in a slot above the lowest level is of a later tick than the wheel's, and differs from it in
///   no digit above that level; in the lowest level it may also be overdue, and is then in the wheel's own
///   slot;
/// - `occupied` has a bit set exactly for the slots whose lists are not empty;
/// - every entry of `near` has an index inside the arena.
pub(crate) struct Wheel<T> {
    nodes: Vec<Node<T>>,
    first_free: u32,
    len: usize,
    slots: Box<[Slot]>,
    occupied: [u64; LEVELS + 1],
    tick: u64,
    near: BinaryHeap<Reverse<NearEntry>>,
    near_live: usize,
    next_order: u64,
    next_generation: u32,
}

impl<T> Wheel<T> {
    /// An empty wheel whose time is [`Instant::ZERO`].
    pub(crate) fn new() -> Self {
        Self {
            nodes: Vec::new(),
            first_free: NONE,
            len: 0,
            slots: vec![Slot::EMPTY; usize::from(BEYOND) + 1].into_boxed_slice(),
            occupied: [0; LEVELS + 1],
            tick: 0,
            near: BinaryHeap::new(),
            near_live: 0,
            next_order: 0,
            next_generation: 0,
        }
    }

    /// Adds a pending timer, in constant time.
    ///
    /// Any deadline will do; one that is already past is reported by the next [`Wheel::advance`].
    pub(crate) fn insert(&mut self, deadline: Instant, value: T) -> TimerId {
        let generation = self.next_generation;
        self.next_generation = generation.wrapping_add(1);
        let index = self.store(Node {
            deadline,
            order: 0,
            previous: NONE,
            next: NONE,
            generation,
            place: Place::Free,
            value: Some(value),
        });
        self.len += 1;
        self.schedule(index, deadline);
        TimerId { index, generation }
    }

    /// Removes a timer, pending or due, and returns its value; `None` if it is dead.
    ///
    /// Constant time (amortised, for a timer in `near`), and the node can be used again at once.
    pub(crate) fn remove(&mut self, id: TimerId) -> Option<T> {
        self.live_node(id)?;
        self.detach(id.index);
        let node = &mut self.nodes[id.index as usize];
        node.next = mem::replace(&mut self.first_free, id.index);
        let value = node.value.take();
        self.len -= 1;
        if self.len == 0 {
            self.release_memory();
        }
        value
    }

    /// The deadline of a live timer, pending or due.
    pub(crate) fn deadline(&self, id: TimerId) -> Option<Instant> {
        self.live_node(id).map(|node| node.deadline)
    }

    /// Whether the timer is alive and has been reported by [`Wheel::advance`], and not rescheduled since.
    ///
    /// Callbacks may remove and reschedule other timers of their batch, so this holds for an id of the batch
    /// exactly if it must still fire.
    pub(crate) fn is_due(&self, id: TimerId) -> bool {
        self.live_node(id).is_some_and(|node| node.place == Place::Due)
    }

    /// Moves a live timer to a new deadline and keeps its id; false if it is dead.
    ///
    /// The timer is pending afterwards even if it was due, and comes after all others of the same deadline
    /// that were scheduled before this call.
    pub(crate) fn reschedule(&mut self, id: TimerId, deadline: Instant) -> bool {
        if self.live_node(id).is_none() {
            return false;
        }
        self.detach(id.index);
        self.schedule(id.index, deadline);
        true
    }

    /// The number of live timers, pending and due.
    pub(crate) fn len(&self) -> usize {
        self.len
    }

    /// The deadlines of all pending timers, in no particular order.
    pub(crate) fn deadlines(&self) -> impl Iterator<Item = Instant> {
        let pending = |node: &&Node<T>| matches!(node.place, Place::Slot(_) | Place::Near);
        self.nodes.iter().filter(pending).map(|node| node.deadline)
    }

    /// A point not later than the earliest deadline of the pending timers; `None` if none is pending.
    ///
    /// It is exactly the earliest deadline if that has the wheel's tick or differs from it only in the lowest
    /// digit. Otherwise it may be the deadline of a timer that has since been removed, but [`Wheel::advance`]
    /// to it always brings the earliest timer at least one level down, so that at most seven wakeups reach
    /// any deadline. Due timers have been reported and do not count.
    ///
    /// Nothing is cached here because nothing is searched twice: the only step that is not constant, taking a
    /// slot into `near`, happens at most once between two schedulings of a timer.
    pub(crate) fn next_wakeup(&mut self) -> Option<Instant> {
        if self.len == 0 {
            return None;
        }
        let nearest = self.first_near().map(|entry| entry.deadline);
        let Some(slot) = self.first_slot() else { return nearest };
        let bound = self.slots[usize::from(slot)].bound;
        if nearest.is_some_and(|deadline| deadline <= bound) {
            return nearest;
        }
        if slot >= SLOTS {
            return Some(bound);
        }
        self.take_into_near(slot);
        self.first_near().map(|entry| entry.deadline)
    }

    /// Moves time to `now` and appends the timers that become due (deadline not after `now`) to `due`.
    ///
    /// They are ordered by deadline, and equal deadlines by when they were scheduled. They stay in the wheel,
    /// so that one timer's callback can still cancel or move a later one of its batch; none is reported again
    /// unless it is rescheduled. A `now` before that of an earlier call makes nothing due that is after it.
    pub(crate) fn advance(&mut self, now: Instant, due: &mut Vec<TimerId>) {
        let tick = tick_of(now).max(self.tick);
        if self.len == 0 {
            self.tick = tick;
            return;
        }
        self.turn_to(tick);
        while let Some(entry) = self.first_near().filter(|entry| entry.deadline <= now) {
            self.near.pop();
            self.near_live -= 1;
            let node = &mut self.nodes[entry.index as usize];
            node.place = Place::Due;
            due.push(TimerId { index: entry.index, generation: node.generation });
        }
    }

    /// Removes all timers and returns their values, in no particular order. Ids given out before are stale.
    pub(crate) fn drain(&mut self) -> Vec<T> {
        let empty = Self { tick: self.tick, next_generation: self.next_generation, ..Self::new() };
        mem::replace(self, empty).nodes.into_iter().filter_map(|node| node.value).collect()
    }

    fn live_node(&self, id: TimerId) -> Option<&Node<T>> {
        let node = self.nodes.get(id.index as usize)?;
        (node.generation == id.generation && node.place != Place::Free).then_some(node)
    }

    fn store(&mut self, node: Node<T>) -> u32 {
        let free = self.first_free;
        if free != NONE {
            let reused = &mut self.nodes[free as usize];
            self.first_free = reused.next;
            *reused = node;
            return free;
        }
        let index = u32::try_from(self.nodes.len()).ok().filter(|&index| index != NONE);
        self.nodes.push(node);
        index.expect("a node takes over 32 bytes, so memory ends long before 2^32 of them")
    }

    /// Gives a detached node its deadline, the last place among equal ones, and a slot.
    fn schedule(&mut self, index: u32, deadline: Instant) {
        let node = &mut self.nodes[index as usize];
        node.deadline = deadline;
        node.order = self.next_order;
        self.next_order += 1;
        self.link(index);
    }

    /// Puts a node that is in no list into the slot that its deadline has at the wheel's present tick.
    ///
    /// Lists are in no order: `near` makes the order, and the front is where a node is put most cheaply.
    fn link(&mut self, index: u32) {
        let deadline = self.nodes[index as usize].deadline;
        let number = slot_of(tick_of(deadline).max(self.tick), self.tick);
        let slot = &mut self.slots[usize::from(number)];
        let next = mem::replace(&mut slot.head, index);
        slot.bound = slot.bound.min(deadline);
        let node = &mut self.nodes[index as usize];
        node.place = Place::Slot(number);
        node.previous = NONE;
        node.next = next;
        if next == NONE {
            self.occupied[level_of(number)] |= bit_of(number);
        } else {
            self.nodes[next as usize].previous = index;
        }
    }

    /// Takes a live node out of wherever it is; the caller gives it a new place or frees it.
    fn detach(&mut self, index: u32) {
        match mem::replace(&mut self.nodes[index as usize].place, Place::Free) {
            Place::Slot(number) => self.unlink(number, index),
            Place::Near => {
                self.near_live -= 1;
                self.prune_near();
            }
            Place::Due | Place::Free => {}
        }
    }

    fn unlink(&mut self, number: u16, index: u32) {
        let Node { previous, next, .. } = self.nodes[index as usize];
        if next != NONE {
            self.nodes[next as usize].previous = previous;
        }
        if previous != NONE {
            self.nodes[previous as usize].next = next;
        } else if next != NONE {
            self.slots[usize::from(number)].head = next;
        } else {
            self.take_list(number);
        }
    }

    /// Empties a slot and returns the first node of what was its list.
    fn take_list(&mut self, number: u16) -> u32 {
        self.occupied[level_of(number)] &= !bit_of(number);
        mem::replace(&mut self.slots[usize::from(number)], Slot::EMPTY).head
    }

    /// The slot with the earliest timers that are not in `near`.
    fn first_slot(&self) -> Option<u16> {
        let level = self.occupied.iter().position(|&slots| slots != 0)?;
        Some(slot_number(level, self.occupied[level].trailing_zeros()))
    }

    /// Moves the wheel to `tick`, which is not before its own, and everything not later than it into `near`.
    ///
    /// The levels below the highest digit that changes are left behind whole. In the level of that digit, the
    /// slots before the new digit are left behind, and the timers of the new digit's slot spread over the
    /// levels below. The levels above are not concerned, so a jump of years costs no more than a step.
    fn turn_to(&mut self, tick: u64) {
        let level = level_between(tick, self.tick);
        self.tick = tick;
        for left_behind in 0..level {
            self.spread(left_behind, u64::MAX);
        }
        self.spread(level, u64::MAX >> (RADIX - 1 - digit(tick, level)));
    }

    /// Moves the timers of some slots of a level to where they belong at the wheel's present tick.
    fn spread(&mut self, level: usize, slots: u64) {
        let mut remaining = self.occupied[level] & slots;
        while remaining != 0 {
            let mut index = self.take_list(slot_number(level, remaining.trailing_zeros()));
            while index != NONE {
                let Node { deadline, next, .. } = self.nodes[index as usize];
                if tick_of(deadline) <= self.tick {
                    self.push_near(index);
                } else {
                    self.link(index);
                }
                index = next;
            }
            remaining &= remaining - 1;
        }
    }

    fn take_into_near(&mut self, number: u16) {
        let mut index = self.take_list(number);
        while index != NONE {
            self.push_near(index);
            index = self.nodes[index as usize].next;
        }
    }

    fn push_near(&mut self, index: u32) {
        let node = &mut self.nodes[index as usize];
        node.place = Place::Near;
        self.near.push(Reverse(NearEntry { deadline: node.deadline, order: node.order, index }));
        self.near_live += 1;
    }

    /// The earliest entry of `near` whose timer is still there; entries left by detached timers are dropped.
    fn first_near(&mut self) -> Option<NearEntry> {
        while let Some(&Reverse(entry)) = self.near.peek() {
            if entry.is_live(&self.nodes) {
                return Some(entry);
            }
            self.near.pop();
        }
        None
    }

    /// Rebuilds `near` once most of it is dead, so that cancelling is constant on average and wastes no
    /// memory.
    fn prune_near(&mut self) {
        if self.near.len() > 2 * self.near_live + KEPT_ENTRIES {
            self.near.retain(|Reverse(entry)| entry.is_live(&self.nodes));
        }
    }

    /// Gives back the memory of a burst once its last timer is gone.
    fn release_memory(&mut self) {
        if self.nodes.capacity() > KEPT_NODES {
            self.nodes = Vec::new();
            self.first_free = NONE;
            self.near = BinaryHeap::new();
        }
    }
}

/// An arena up to this capacity is kept when it is empty, lest a quiet reactor allocate in every turn.
const KEPT_NODES: usize = 1024;
/// Dead entries that `near` may hold without being worth a rebuild.
const KEPT_ENTRIES: usize = 64;
