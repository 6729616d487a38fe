//! Fuzzing a protocol.

use super::{ProtocolCheck, Script};
use crate::Protocol;
use crate::testing::Events;

/// Runs a protocol through what the bytes of `data` say.
///
/// # Panics
/// With a report if a law is broken.
#[track_caller]
pub fn fuzz_protocol<P: Protocol + 'static>(make: impl Fn(Events) -> P, data: &[u8]) {
    ProtocolCheck::new(make).run_exactly(Script::new().send(data));
}
