//! The token bucket: so many bytes a second, and some at once.

use std::cell::Cell;
use std::fmt;
use std::time::Duration;

use crate::Instant;

/// A rate limit in bytes per second, for one connection or for several that share it.
///
/// Tokens flow in at the rate, up to the burst, and each byte takes one. So within any span of time at most the rate times
/// that span plus one burst are moved, and a few tenths of the burst more where many that share it pause and resume. Where
/// more than ten share it, what each was promised, a tenth of the burst, may go at once when the whole process was held up.
/// Bytes are those on the wire, below all layers.
///
/// Give it to connections with [`Transport::set_read_rate`](crate::Transport::set_read_rate) and
/// [`Transport::set_write_rate`](crate::Transport::set_write_rate). Those that share a bucket take turns: first come, first
/// served, each time with 16 KiB or a tenth of the burst, whichever is less. A connection with nothing to move takes nothing.
///
/// ```
/// use std::rc::Rc;
/// use ropewalk_reactor::{TokenBucket, Transport};
///
/// /// All of them together read at most a megabyte per second.
/// fn slow_down(transports: &[Transport]) {
///     let bucket = Rc::new(TokenBucket::new(1_000_000));
///     for transport in transports {
///         transport.set_read_rate(Some(Rc::clone(&bucket)));
///     }
/// }
/// ```
pub struct TokenBucket {
    bytes_per_second: u64,
    /// Invariant: at least 1.
    burst: u64,
    /// In billionths of a byte, as one nanosecond brings a billionth of the rate: so nothing is ever rounded away.
    /// Negative when bytes were promised for later.
    level: Cell<i128>,
    /// How many bytes are promised and were neither moved nor given back.
    promised: Cell<usize>,
    /// When the level was as it says.
    filled_at: Cell<Instant>,
}

/// Bytes that may be moved, and from when on.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Grant {
    pub(super) bytes: usize,
    pub(super) from: Instant,
}

/// The most that is granted at once.
const QUANTUM_MAX: u64 = 16 * 1024;

/// So much of the burst is granted at once, at the most.
const QUANTA_PER_BURST: u64 = 10;

const BILLION: i128 = 1_000_000_000;

impl TokenBucket {
    /// A full bucket with this rate, and a burst of what one second brings. A rate of zero lets nothing pass after the burst.
    pub const fn new(bytes_per_second: u64) -> Self {
        Self::with_burst(bytes_per_second, bytes_per_second)
    }

    /// A full bucket with this rate, and a burst of so many bytes: at least one.
    ///
    /// Timers have a grain of a millisecond. Of a rate above a thousand bursts per second the rest is lost.
    pub const fn with_burst(bytes_per_second: u64, burst: u64) -> Self {
        let burst = if burst == 0 { 1 } else { burst };
        Self {
            bytes_per_second,
            burst,
            level: Cell::new(burst as i128 * BILLION),
            promised: Cell::new(0),
            filled_at: Cell::new(Instant::ZERO),
        }
    }

    /// The rate.
    pub const fn bytes_per_second(&self) -> u64 {
        self.bytes_per_second
    }

    /// How many bytes a full bucket lets pass at once.
    pub const fn burst(&self) -> u64 {
        self.burst
    }

    /// Promises up to `wanted` bytes, for later if there are not so many now. Promises are kept in their order.
    pub(super) fn reserve(&self, now: Instant, wanted: usize) -> Grant {
        self.fill(now);
        let bytes = wanted.min(self.quantum());
        let level = self.level.get() - bytes as i128 * BILLION;
        self.level.set(level);
        self.promised.set(self.promised.get() + bytes);
        Grant { bytes, from: now + self.time_to_fill(-level) }
    }

    /// Promised bytes were moved. Until now they have taken their room in the bucket, however late this is.
    pub(super) fn used(&self, now: Instant, bytes: usize) {
        self.fill(now);
        self.promised.set(self.promised.get() - bytes);
    }

    /// Takes bytes back that were promised and not moved. With what others are still promised they make no more than a burst.
    pub(super) fn give_back(&self, bytes: usize) {
        self.promised.set(self.promised.get() - bytes);
        self.raise(self.level.get() + bytes as i128 * BILLION, self.unpromised());
    }

    /// What of a burst is not promised.
    fn unpromised(&self) -> i128 {
        i128::from(self.burst) - self.promised.get() as i128
    }

    /// Raises the level, but not above `most` bytes.
    fn raise(&self, level: i128, most: i128) {
        self.level.set(self.level.get().max(level.min(most * BILLION)));
    }

    fn quantum(&self) -> usize {
        (self.burst / QUANTA_PER_BURST).clamp(1, QUANTUM_MAX) as usize
    }

    fn fill(&self, now: Instant) {
        let elapsed = now.as_nanos().saturating_sub(self.filled_at.get().as_nanos());
        self.filled_at.set(now.max(self.filled_at.get()));
        // The product of two numbers of 64 bits fits; a level is far smaller than what is left above it.
        let gain = u128::from(elapsed) * u128::from(self.bytes_per_second);
        self.raise(self.level.get().saturating_add_unsigned(gain), self.unpromised());
    }

    /// How long it takes until `missing` billionths of a byte have flowed in.
    fn time_to_fill(&self, missing: i128) -> Duration {
        let missing = missing.max(0).unsigned_abs();
        if missing == 0 {
            return Duration::ZERO;
        }
        match self.bytes_per_second {
            0 => Duration::MAX,
            rate => Duration::from_nanos(u64::try_from(missing.div_ceil(rate.into())).unwrap_or(u64::MAX)),
        }
    }
}

impl fmt::Debug for TokenBucket {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("TokenBucket")
            .field("bytes_per_second", &self.bytes_per_second)
            .field("burst", &self.burst)
            .field("level", &(self.level.get() / BILLION))
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn at(milliseconds: u64) -> Instant {
        Instant::from_nanos(milliseconds * 1_000_000)
    }

    /// Takes all that is granted at once.
    fn take_all(bucket: &TokenBucket, now: Instant) -> usize {
        let mut taken = 0;
        loop {
            let grant = bucket.reserve(now, 1);
            if grant.from > now {
                bucket.give_back(1);
                return taken;
            }
            bucket.used(now, grant.bytes);
            taken += grant.bytes;
        }
    }

    #[test]
    fn a_full_bucket_grants_its_burst_and_then_the_rate() {
        let bucket = TokenBucket::with_burst(1000, 50);
        assert_eq!(take_all(&bucket, at(0)), 50);
        assert_eq!(take_all(&bucket, at(0)), 0);
        assert_eq!(take_all(&bucket, at(7)), 7);
        assert_eq!(take_all(&bucket, at(10_000)), 50, "no more than a burst is saved up");
    }

    #[test]
    fn promises_are_kept_one_after_the_other() {
        let bucket = TokenBucket::with_burst(1000, 100);
        assert_eq!(take_all(&bucket, at(0)), 100);
        let grants: Vec<Grant> = (0..3).map(|_| bucket.reserve(at(0), 1_000_000)).collect();
        let expected = [10, 20, 30].map(|from| Grant { bytes: 10, from: at(from) });
        assert_eq!(grants, expected);
        bucket.give_back(10);
        assert_eq!(bucket.reserve(at(0), 5), Grant { bytes: 5, from: at(25) });
    }

    #[test]
    fn what_is_promised_and_not_moved_takes_its_room_in_the_bucket() {
        let bucket = TokenBucket::with_burst(1000, 100);
        for _ in 0..10 {
            assert_eq!(bucket.reserve(at(0), 10), Grant { bytes: 10, from: at(0) });
        }
        assert_eq!(bucket.reserve(at(10_000), 10), Grant { bytes: 10, from: at(10_010) });
        bucket.used(at(10_000), 10);
        assert_eq!(bucket.reserve(at(10_010), 10), Grant { bytes: 10, from: at(10_020) });
    }

    #[test]
    fn who_comes_late_all_together_finds_nothing_saved_up() {
        let bucket = TokenBucket::with_burst(1000, 100);
        assert_eq!(take_all(&bucket, at(0)), 100);
        for _ in 0..10 {
            bucket.reserve(at(0), 10);
        }
        for _ in 0..10 {
            bucket.used(at(10_000), 10);
        }
        assert_eq!(take_all(&bucket, at(10_000)), 0);
        assert_eq!(take_all(&bucket, at(10_050)), 50);
    }

    #[test]
    fn a_grant_is_bounded_by_the_quantum_and_by_what_is_wanted() {
        let bucket = TokenBucket::new(u64::MAX);
        assert_eq!(bucket.reserve(at(0), usize::MAX).bytes, 16 * 1024);
        assert_eq!(bucket.reserve(at(0), 3).bytes, 3);
        assert_eq!(TokenBucket::with_burst(10, 25).reserve(at(0), 100).bytes, 2);
    }

    /// A third of a byte per nanosecond is not rounded away, however often the bucket is looked at.
    #[test]
    fn nothing_is_lost_by_rounding() {
        let bucket = TokenBucket::with_burst(333_333_333, 1_000_000_000);
        let mut taken = take_quanta(&bucket, Instant::ZERO);
        for step in 1..=1_000 {
            taken += take_quanta(&bucket, Instant::from_nanos(step * 999_999));
        }
        assert_eq!(taken, 1_000_000_000 + 333_333_333 * 999_999 / 1_000_000);
    }

    fn take_quanta(bucket: &TokenBucket, now: Instant) -> u64 {
        let mut taken = 0;
        for wanted in [usize::MAX, 1] {
            loop {
                let grant = bucket.reserve(now, wanted);
                if grant.from > now {
                    bucket.give_back(grant.bytes);
                    break;
                }
                bucket.used(now, grant.bytes);
                taken += grant.bytes as u64;
            }
        }
        taken
    }

    #[test]
    fn extremes_neither_overflow_nor_hang() {
        let nothing = TokenBucket::with_burst(0, 0);
        assert_eq!(nothing.reserve(at(0), 1), Grant { bytes: 1, from: at(0) });
        assert_eq!(nothing.reserve(Instant::NEVER, 1), Grant { bytes: 1, from: Instant::NEVER });
        let all = TokenBucket::with_burst(u64::MAX, u64::MAX);
        for _ in 0..10 {
            assert_eq!(all.reserve(Instant::NEVER, 1).from, Instant::NEVER);
        }
        let slow = TokenBucket::with_burst(1, 1);
        for _ in 0..1000 {
            slow.reserve(at(0), usize::MAX);
        }
        assert_eq!(slow.reserve(at(0), 1).from, at(1_000_000));
    }

    /// A clock that stands still or is read late brings nothing twice.
    #[test]
    fn time_counts_once() {
        let bucket = TokenBucket::with_burst(1000, 10);
        assert_eq!(take_all(&bucket, at(5)), 10);
        assert_eq!(take_all(&bucket, at(3)), 0);
        assert_eq!(take_all(&bucket, at(6)), 1);
    }
}
