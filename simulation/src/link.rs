//! How hosts are connected.

use std::time::Duration;

/// What lies between two hosts, the same in both directions.
///
/// ```
/// # use ropewalk_simulation::Link;
/// # use std::time::Duration;
/// let mut satellite = Link::default();
/// satellite.latency = Duration::from_millis(300);
/// satellite.bandwidth = Some(125_000);
/// ```
#[derive(Clone, Copy, PartialEq, Debug)]
#[non_exhaustive]
pub struct Link {
    /// How long a packet is under way at the least. Default 1 millisecond; within a host it is 10 microseconds.
    pub latency: Duration,
    /// How much longer a packet may be under way, by chance. Default 0.2 milliseconds. Bytes of one connection stay in order;
    /// datagrams overtake each other.
    pub jitter: Duration,
    /// Bytes per second in each direction, shared by all that goes there; `None`, the default, for any number.
    pub bandwidth: Option<u64>,
    /// How many bytes of one connection may be under way or wait to be read, in each direction, before a write would block:
    /// the socket buffers of both ends. At least 1. Default 256 KiB.
    pub buffer: usize,
    /// The probability, from 0 to 1, that a packet is lost. A datagram is gone then; a connection sends it again after 200
    /// milliseconds, and twice as long each time. Default 0.
    pub loss: f64,
    /// The probability that a datagram arrives twice. Default 0.
    pub duplication: f64,
}

impl Link {
    /// Within a host.
    pub(crate) const LOOPBACK: Self = Self {
        latency: Duration::from_micros(10),
        jitter: Duration::ZERO,
        bandwidth: None,
        buffer: 256 * 1024,
        loss: 0.0,
        duplication: 0.0,
    };
}

impl Link {
    /// How many bytes go at once: so many that the times of single packets do not matter, unless they do.
    pub(crate) const fn longest_packet(&self) -> usize {
        if self.bandwidth.is_some() { 1_460 } else { 64 * 1024 }
    }
}

impl Default for Link {
    fn default() -> Self {
        Self { latency: Duration::from_millis(1), jitter: Duration::from_micros(200), ..Self::LOOPBACK }
    }
}
