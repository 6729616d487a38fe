//! What the wheel is made of: the nodes of its arena, and the slots and the heap that refer to them.

use crate::Instant;

/// The index that ends a list.
pub(super) const NONE: u32 = u32::MAX;

/// A timer or, in the free list (linked by `next`), the room for one.
pub(super) struct Node<T> {
    pub(super) deadline: Instant,
    /// Unique to each scheduling, so it both breaks ties and tells a live entry of `near` from a left one.
    pub(super) order: u64,
    pub(super) previous: u32,
    pub(super) next: u32,
    pub(super) generation: u32,
    pub(super) place: Place,
    pub(super) value: Option<T>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Place {
    Slot(u16),
    Near,
    Due,
    Free,
}

/// The head of a list of the timers whose ticks share a digit.
#[derive(Clone, Copy)]
pub(super) struct Slot {
    pub(super) head: u32,
    /// Not later than any deadline in the list, and in the slot's range of ticks (unless the slot holds
    /// overdue timers), so it wakes the loop no earlier than the slot's first tick would. Removal leaves it
    /// as it is, because finding the next earliest deadline would take a walk.
    pub(super) bound: Instant,
}

impl Slot {
    pub(super) const EMPTY: Self = Self { head: NONE, bound: Instant::NEVER };
}

/// A place in the heap of exact order. The fields are compared in the order in which they stand.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct NearEntry {
    pub(super) deadline: Instant,
    pub(super) order: u64,
    pub(super) index: u32,
}

impl NearEntry {
    pub(super) fn is_live<T>(&self, nodes: &[Node<T>]) -> bool {
        let node = &nodes[self.index as usize];
        node.place == Place::Near && node.order == self.order
    }
}
