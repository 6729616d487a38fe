//! Quote of the day.

use ropewalk_reactor::{Bytes, Protocol, Result, Transport};

/// Sends a quote and closes (RFC 865). Clones share the quote.
///
/// ```
/// let qotd = ropewalk_protocols::Qotd::new("An apple a day keeps the doctor away");
/// let factory = ropewalk_reactor::for_protocol(move || qotd.clone());
/// ```
#[derive(Clone, Debug)]
pub struct Qotd {
    quote: Bytes,
}

impl Qotd {
    /// How long the RFC wants a quote to be at most, in characters.
    pub const LENGTH_MAX: usize = 512;

    /// A protocol that sends `quote` and CR LF.
    ///
    /// Of a quote longer than [`LENGTH_MAX`](Self::LENGTH_MAX) only so many characters are sent. The RFC wants them to be
    /// ASCII; others are sent as UTF-8.
    pub fn new(quote: &str) -> Self {
        let mut quote: String = quote.chars().take(Self::LENGTH_MAX).collect();
        quote.push_str("\r\n");
        Self { quote: Bytes::from(quote.into_bytes()) }
    }
}

impl Protocol for Qotd {
    fn connection_made(&mut self, transport: &Transport) {
        transport.write_shared(self.quote.clone());
        transport.lose_connection();
    }

    fn data_received(&mut self, _transport: &Transport, _data: &[u8]) -> Result {
        Ok(())
    }
}
