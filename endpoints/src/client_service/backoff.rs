//! How long a client waits before it tries again.

use std::time::Duration;

/// How long a [`ClientService`](super::ClientService) waits after failures: a random time between zero and a bound that
/// grows with each failure in a row. The whole range is used ("full jitter"), so that many clients of a server that
/// comes back do not come all at once.
///
/// ```
/// # use std::time::Duration;
/// let mut backoff = ropewalk_endpoints::Backoff::default();
/// backoff.max = Duration::from_secs(10);
/// ```
#[derive(Clone, PartialEq, Debug)]
#[non_exhaustive]
pub struct Backoff {
    /// The bound after the first failure, and after the loss of a stable connection. Default 1 second.
    pub initial: Duration,
    /// By what the bound grows with each further failure. Default 2. Less than 1, or not a number, counts as 1.
    pub factor: f64,
    /// The bound never exceeds this, and so no wait does. Default 60 seconds.
    pub max: Duration,
}

impl Default for Backoff {
    fn default() -> Self {
        Self { initial: Duration::from_secs(1), factor: 2.0, max: Duration::from_secs(60) }
    }
}

impl Backoff {
    /// The longest wait after so many failures in a row.
    fn bound(&self, failures: u32) -> Duration {
        let steps = i32::try_from(failures.saturating_sub(1)).unwrap_or(i32::MAX);
        let seconds = self.initial.as_secs_f64() * self.factor.max(1.0).powi(steps);
        // What is too long for a duration is longer than any maximum; so is what is no number: zero times infinity.
        Duration::try_from_secs_f64(seconds).map_or(self.max, |bound| bound.min(self.max))
    }

    /// The wait after so many failures in a row, by a random number.
    pub(super) fn wait(&self, failures: u32, random: u64) -> Duration {
        // The upper 53 bits, as many as a fraction has: at least zero, less than one.
        let fraction = (random >> 11) as f64 / (1_u64 << 53) as f64;
        self.bound(failures).mul_f64(fraction)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_bound_doubles_up_to_the_maximum() {
        let backoff = Backoff::default();
        let seconds = |failures| backoff.bound(failures).as_secs();
        assert_eq!([0, 1, 2, 3, 6, 7, 1000, u32::MAX].map(seconds), [1, 1, 2, 4, 32, 60, 60, 60]);
    }

    #[test]
    fn a_wait_uses_the_whole_range_and_never_exceeds_it() {
        let backoff = Backoff::default();
        assert_eq!(backoff.wait(3, 0), Duration::ZERO);
        assert_eq!(backoff.wait(3, 1 << 63), Duration::from_secs(2));
        assert!((Duration::from_secs(3)..=Duration::from_secs(4)).contains(&backoff.wait(3, u64::MAX)));
        assert!(backoff.wait(u32::MAX, u64::MAX) <= backoff.max);
    }

    #[test]
    fn absurd_values_do_no_harm() {
        let with = |initial, factor, max| Backoff { initial, factor, max };
        for factor in [f64::NAN, -1.0, 0.0, f64::NEG_INFINITY] {
            let backoff = with(Duration::from_secs(1), factor, Duration::from_secs(5));
            assert_eq!(backoff.bound(100), Duration::from_secs(1));
        }
        for initial in [Duration::ZERO, Duration::MAX] {
            let backoff = with(initial, f64::INFINITY, Duration::from_secs(5));
            assert!(backoff.wait(100, u64::MAX) <= backoff.max);
        }
        assert!(with(Duration::MAX, 2.0, Duration::MAX).wait(9, u64::MAX) <= Duration::MAX);
    }
}
