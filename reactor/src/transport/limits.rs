//! The limits that keep one connection from harming the process, each with its default.

use std::time::Duration;

/// What bounds a connection's output and its closing.
///
/// New connections have the reactor's defaults ([`ReactorHandle::set_default_limits`](crate::ReactorHandle::set_default_limits));
/// [`Transport::set_limits`](crate::Transport::set_limits) changes them for one.
///
/// Absurd values do no worse than what they say: a low-water mark above the high-water mark counts as equal to it,
/// a timeout of [`Duration::MAX`] never comes, one of zero comes in the next turn.
///
/// ```
/// # use std::time::Duration;
/// # let reactor = ropewalk_reactor::Reactor::new()?;
/// let mut limits = ropewalk_reactor::Limits::default();
/// limits.output = 1024 * 1024;
/// limits.write_timeout = Duration::from_secs(30);
/// reactor.set_default_limits(limits);
/// # Ok::<(), std::io::Error>(())
/// ```
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub struct Limits {
    /// When more bytes than this wait for the peer, `writing_paused` is called and a push producer is paused. What is written
    /// while the protocol is being given input are answers; when more than this of those wait, the connection's own reading
    /// pauses by itself: a peer that reads no answers may ask no more. Default 128 KiB, which an
    /// answer of 64 KiB with its header does not pass by itself (Twisted and asyncio: 64 KiB).
    pub high_water: usize,
    /// When the waiting output has fallen to this, everything resumes. Default 32 KiB (a quarter, as asyncio).
    pub low_water: usize,
    /// When more bytes than this wait, the connection is aborted with [`Reason::OutputLimit`](crate::Reason::OutputLimit).
    /// One write that is larger counts too. Default 16 MiB.
    pub output: usize,
    /// How long output may wait without the peer taking any of it. Default 5 minutes; then the connection is
    /// aborted with [`Timeout::Write`](crate::Timeout::Write).
    pub write_timeout: Duration,
    /// How long flushing may take after `lose_connection`. Default 60 seconds; then the connection is aborted with
    /// [`Timeout::Close`](crate::Timeout::Close). While a producer is still registered, or a rate limit holds output back,
    /// every progress starts this time anew. It also bounds how long the input that arrived before a hang-up is kept for a
    /// protocol that has paused reading.
    pub close_timeout: Duration,
    /// How long the peer's input is read and thrown away after everything was sent and this side has finished, so
    /// that nothing sent is destroyed. Default 2 seconds; then the socket is closed all the same.
    pub linger_timeout: Duration,
}

impl Limits {
    /// The defaults named on each field.
    pub const DEFAULT: Self = Self {
        high_water: 128 * 1024,
        low_water: 32 * 1024,
        output: 16 * 1024 * 1024,
        write_timeout: Duration::from_secs(300),
        close_timeout: Duration::from_secs(60),
        linger_timeout: Duration::from_secs(2),
    };

    /// Whether `waiting` bytes are above the high-water mark.
    pub(crate) const fn is_above_mark(&self, waiting: usize) -> bool {
        waiting > self.high_water
    }

    /// Whether `waiting` bytes have drained far enough to go on.
    pub(crate) fn is_drained(&self, waiting: usize) -> bool {
        waiting <= self.low_water.min(self.high_water)
    }
}

impl Default for Limits {
    fn default() -> Self {
        Self::DEFAULT
    }
}
