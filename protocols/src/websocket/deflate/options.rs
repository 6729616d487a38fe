//! What can be set.

use std::ops::RangeInclusive;

const LEVELS: RangeInclusive<u32> = 1..=9;

/// As zlib has it.
const DEFAULT_LEVEL: u32 = 6;

/// As the package `ws` of Node.js has it. Of short messages, compression saves little.
const DEFAULT_THRESHOLD: usize = 1024;

/// How messages are compressed (RFC 7692, permessage-deflate), if the peer agrees:
/// [`WebSocketReceiver::deflate`](crate::WebSocketReceiver::deflate).
///
/// By default each message is compressed by itself. Then compression costs a connection no memory between messages; a thread
/// keeps what it compresses with (about 380 KB) and what it inflates with (about 48 KB), made when they are first needed, for
/// all connections. While a compressed message is coming, its connection has 48 KB, up to 32 KiB for a step of inflating, and the
/// message as far as it has come.
///
/// What comes may inflate to a thousand times its length. The memory for that is bounded by the limit of messages, or, in pieces,
/// by a step; the time is not bounded by the budget of a turn, which counts what is read.
///
/// With [context takeover](Self::context_takeover) a message refers to those before it, of which both sides then keep 32 KiB.
///
/// Compression tells who sees the length of what was sent, even through TLS, something about what it says. A message that holds
/// both a secret and what a stranger chose should not be compressed (RFC 7692, section 8).
///
/// ```
/// # use ropewalk_protocols::{DeflateOptions, WebSocketProtocol, WebSocketReceiver};
/// # fn example(protocol: impl WebSocketProtocol) {
/// let receiver = WebSocketReceiver::server(protocol).deflate(DeflateOptions::new().threshold(200));
/// # }
/// ```
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct DeflateOptions {
    pub(super) level: u32,
    pub(super) threshold: usize,
    pub(super) context_takeover: bool,
}

impl DeflateOptions {
    /// Level 6, messages of at least 1 KiB, each by itself.
    pub fn new() -> Self {
        Self { level: DEFAULT_LEVEL, threshold: DEFAULT_THRESHOLD, context_takeover: false }
    }

    /// The same with another level, from 1, the fastest, to 9, the smallest output; what is beyond is taken as the nearer of
    /// these. Default 6.
    #[must_use]
    pub fn level(mut self, level: u32) -> Self {
        self.level = level.clamp(*LEVELS.start(), *LEVELS.end());
        self
    }

    /// The same with another length, in bytes: shorter messages are sent as they are. Default 1 KiB. Of a message in fragments, the
    /// first fragment decides.
    #[must_use]
    pub fn threshold(mut self, bytes: usize) -> Self {
        self.threshold = bytes;
        self
    }

    /// The same with or without context takeover, in both directions: messages are compressed with regard to those before, if
    /// the peer agrees. That serves many short messages that are alike. It costs a connection up to 380 KB from the
    /// first compressed message on that is sent, and 48 KB from the first one on that comes. Off by default.
    ///
    /// An [`EncodedMessage`](crate::EncodedMessage) is compressed without regard to others in any case, and those after it begin
    /// anew.
    #[must_use]
    pub fn context_takeover(mut self, on: bool) -> Self {
        self.context_takeover = on;
        self
    }
}

impl Default for DeflateOptions {
    fn default() -> Self {
        Self::new()
    }
}
