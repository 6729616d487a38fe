//! Chargen.

use ropewalk_reactor::{Bytes, Producer, ProducerKind, Protocol, Result, Transport};

/// The printable characters of ASCII, in order from the space: as many as there are different lines.
const CHARACTERS: usize = 95;

const LINE_LENGTH: usize = 72;

/// The lines of the pattern with their CR LF. After the last one it begins again.
static PATTERN: [u8; CHARACTERS * (LINE_LENGTH + 2)] = pattern();

/// Sends characters for as long as the peer stays, and no faster than it reads them (RFC 864): lines of 72 printable ones
/// and CR LF, each beginning one character later than the line before. What the peer sends is thrown away; when it
/// finishes sending, the connection is closed.
///
/// ```
/// let factory = ropewalk_reactor::for_protocol(|| ropewalk_protocols::Chargen);
/// ```
#[derive(Clone, Copy, Default, Debug)]
pub struct Chargen;

impl Protocol for Chargen {
    fn connection_made(&mut self, transport: &Transport) {
        if let Err(error) = transport.register_producer(Generator, ProducerKind::Pull) {
            transport.fail(error);
        }
    }

    fn data_received(&mut self, _transport: &Transport, _data: &[u8]) -> Result {
        Ok(())
    }

    fn eof_received(&mut self, transport: &Transport) -> Result {
        // Closing waits for a producer, and this one has no end.
        transport.unregister_producer();
        transport.lose_connection();
        Ok(())
    }
}

/// Writes the whole pattern each time.
struct Generator;

impl Producer for Generator {
    fn resume_producing(&mut self, transport: &Transport) {
        transport.write_shared(Bytes::from_static(&PATTERN));
    }
}

const fn pattern() -> [u8; CHARACTERS * (LINE_LENGTH + 2)] {
    let mut pattern = [0; CHARACTERS * (LINE_LENGTH + 2)];
    let mut place = 0;
    while place < pattern.len() {
        let (line, column) = (place / (LINE_LENGTH + 2), place % (LINE_LENGTH + 2));
        pattern[place] = match column {
            LINE_LENGTH => b'\r',
            column if column > LINE_LENGTH => b'\n',
            // Fits a byte: there are 95 characters.
            _ => b' ' + ((line + column) % CHARACTERS) as u8,
        };
        place += 1;
    }
    pattern
}
