//! Compressing what is sent (RFC 7692, section 7.2.1).

use std::cell::Cell;

use flate2::{Compress, Compression, FlushCompress};

use super::{Agreement, TAIL};

/// zlib compresses with no window of less bits.
const WINDOW_BITS_MIN: u8 = 9;

/// What an empty message becomes: the first byte of an empty block.
const EMPTY: u8 = 0x00;

/// The output grows by as much at least.
const ROOM_MIN: usize = 128;

thread_local! {
    /// One deflater serves all messages that are sent one after the other and do not refer to others.
    static SPARE: Cell<Option<Deflater>> = const { Cell::new(None) };
}

/// Compresses the messages of a connection.
pub(crate) struct Deflation {
    agreement: Agreement,
    /// There while a message is sent in fragments; with context takeover from the first compressed message on.
    deflater: Cell<Option<Deflater>>,
}

impl Deflation {
    pub(crate) fn new(agreement: &Agreement) -> Self {
        Self { agreement: *agreement, deflater: Cell::new(None) }
    }

    /// Whether a message is to be compressed that has, or begins with a fragment that has, so many bytes.
    pub(crate) fn wants(&self, length: usize) -> bool {
        length >= self.agreement.options.threshold && self.agreement.window_bits >= WINDOW_BITS_MIN
    }

    /// Compresses a message; `None` if it is better sent as it is.
    pub(crate) fn compress(&self, message: &[u8]) -> Option<Vec<u8>> {
        let compressed = self.compress_fragment(message, true);
        // With context takeover those after it refer to it: it has to be sent.
        (self.agreement.sends_on || compressed.len() < message.len()).then_some(compressed)
    }

    /// Compresses a fragment.
    pub(crate) fn compress_fragment(&self, fragment: &[u8], last: bool) -> Vec<u8> {
        let mut deflater = self.deflater.take().unwrap_or_else(|| self.spare());
        let compressed = deflater.compress(fragment, last);
        if !last || self.agreement.sends_on {
            self.deflater.set(Some(deflater));
        } else {
            deflater.give_back();
        }
        compressed
    }

    /// Whether what refers only to itself and is so long is within the window.
    pub(crate) fn can_share(&self, length: usize) -> bool {
        length <= 1 << self.agreement.window_bits
    }

    /// Compresses a message for others, too; `None` if it is better sent as it is.
    pub(crate) fn compress_shared(&self, message: &[u8]) -> Option<Vec<u8>> {
        let mut deflater = Deflater::spare(self.agreement.options.level, super::negotiation::WINDOW_BITS_MAX);
        let compressed = deflater.compress(message, true);
        deflater.give_back();
        (compressed.len() < message.len()).then_some(compressed)
    }

    /// A message was sent that was compressed elsewhere: none may refer to those before it.
    pub(crate) fn begin_anew(&self) {
        if let Some(deflater) = self.deflater.take() {
            deflater.give_back();
        }
    }

    fn spare(&self) -> Deflater {
        Deflater::spare(self.agreement.options.level, self.agreement.window_bits)
    }
}

struct Deflater {
    stream: Compress,
    level: u32,
    window_bits: u8,
}

impl Deflater {
    /// One without context: the spare one, if it is alike.
    fn spare(level: u32, window_bits: u8) -> Self {
        let spare = SPARE.take().filter(|spare| spare.level == level && spare.window_bits == window_bits);
        spare.unwrap_or_else(|| {
            let stream = Compress::new_with_window_bits(Compression::new(level), false, window_bits);
            Self { stream, level, window_bits }
        })
    }

    fn give_back(mut self) {
        self.stream.reset();
        SPARE.set(Some(self));
    }

    /// Compresses all of `input` into output that can be inflated without what follows; the last one without the tail.
    fn compress(&mut self, mut input: &[u8], last: bool) -> Vec<u8> {
        let mut output = Vec::with_capacity(ROOM_MIN + input.len() / 2);
        loop {
            let read = self.stream.total_in();
            let result = self.stream.compress_vec(input, &mut output, FlushCompress::Sync);
            result.expect("the stream is never finished, so it takes any input");
            // No more than was given.
            input = &input[(self.stream.total_in() - read) as usize..];
            if output.len() < output.capacity() {
                break;
            }
            output.reserve(ROOM_MIN.max(input.len() / 2));
        }
        debug_assert!(input.is_empty(), "input was left although there was room");
        if last {
            output.truncate(output.strip_suffix(&TAIL).map_or(0, <[u8]>::len));
            if output.is_empty() {
                // Nothing came behind what was flushed before.
                output.push(EMPTY);
            }
        }
        output
    }
}
