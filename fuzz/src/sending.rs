//! What is sent.

use ropewalk::testing::Probe;
use ropewalk::{Discard, Transport};

/// The bytes that `send` sends.
pub fn sent(send: impl FnOnce(&Transport)) -> Vec<u8> {
    let mut probe = Probe::new(Discard);
    send(probe.transport());
    probe.settle();
    probe.written()
}
