//! Where in the wheel a tick is: the arithmetic of ticks, levels and slots.

use crate::Instant;

const NANOSECONDS_PER_TICK: u64 = 1_000_000;
pub(super) const LEVELS: usize = 6;
const DIGIT_BITS: u32 = 6;
pub(super) const RADIX: u32 = 1 << DIGIT_BITS;
/// Slots in a level.
pub(super) const SLOTS: u16 = 1 << DIGIT_BITS;
/// The only slot of the level above the top one.
pub(super) const BEYOND: u16 = LEVELS as u16 * SLOTS;

pub(super) fn tick_of(instant: Instant) -> u64 {
    instant.as_nanos() / NANOSECONDS_PER_TICK
}

pub(super) fn level_between(tick: u64, other: u64) -> usize {
    let highest_bit = ((tick ^ other) | 1).ilog2();
    LEVELS.min((highest_bit / DIGIT_BITS) as usize)
}

pub(super) fn digit(tick: u64, level: usize) -> u32 {
    (tick >> (level as u32 * DIGIT_BITS)) as u32 % RADIX
}

/// Where a timer of `tick` waits while the wheel is at `present`.
pub(super) fn slot_of(tick: u64, present: u64) -> u16 {
    let level = level_between(tick, present);
    if level == LEVELS { BEYOND } else { slot_number(level, digit(tick, level)) }
}

pub(super) fn slot_number(level: usize, digit: u32) -> u16 {
    level as u16 * SLOTS + digit as u16
}

pub(super) fn level_of(number: u16) -> usize {
    usize::from(number / SLOTS)
}

pub(super) fn bit_of(number: u16) -> u64 {
    1 << (number % SLOTS)
}
