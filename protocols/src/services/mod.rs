//! The small services of the early Internet.

pub(crate) mod chargen;
pub(crate) mod daytime;
pub(crate) mod discard;
pub(crate) mod echo;
pub(crate) mod qotd;
pub(crate) mod time;

use std::time::{SystemTime, UNIX_EPOCH};

/// Whole seconds since the beginning of 1970, UTC; negative before it.
fn unix_seconds(time: SystemTime) -> i64 {
    let seconds = match time.duration_since(UNIX_EPOCH) {
        Ok(since) => i64::try_from(since.as_secs()),
        Err(before) => {
            let before = before.duration();
            i64::try_from(before.as_secs()).map(|seconds| -seconds - i64::from(before.subsec_nanos() > 0))
        }
    };
    // No operating system's clock reaches further.
    seconds.unwrap_or(i64::MAX)
}
