//! Room for the answers to large messages.

use ropewalk_reactor::Transport;

/// What may wait with two large messages: their headers, what is counted for each of them, and what is said in between.
const BESIDE: usize = 64 * 1024;

/// Sees to it that an answer as long as the largest message can be sent while another one waits: the limit of output is raised
/// if it is too low for that. Who has not asked for larger messages than the default may have lowered it, and it stays.
pub(crate) fn make_room(transport: &Transport, max_message: usize, default: usize) {
    let mut limits = transport.limits();
    let room = max_message.saturating_mul(2).saturating_add(BESIDE);
    if max_message > default && limits.output < room {
        limits.output = room;
        transport.set_limits(limits);
    }
}
