//! How much memory an input makes the library take.

/// Calls `run`, and fails if it holds more than `limit` bytes of heap at any time.
#[track_caller]
pub fn bounded<T>(limit: usize, run: impl FnOnce() -> T) -> T {
    let mut result = None;
    let measured = allocation_counter::measure(|| result = Some(run()));
    let most = measured.bytes_max;
    assert!(most <= limit as u64, "{most} bytes of heap were held at a time; the limit is {limit}");
    result.expect("it was called")
}
