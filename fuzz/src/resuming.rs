//! Protocols that pause.

use ropewalk::testing::Probe;

/// More pauses than an input of a fuzzer has bytes.
const PAUSES_MAX: usize = 1_000_000;

/// Resumes reading as often as the protocol pauses it.
pub fn resume_fully(probe: &mut Probe) {
    for _ in 0..PAUSES_MAX {
        if probe.is_closing() || !probe.transport().is_reading_paused() {
            return;
        }
        probe.transport().resume_reading();
        probe.settle();
    }
    panic!("the protocol goes on pausing");
}
