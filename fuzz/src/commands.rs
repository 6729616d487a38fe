//! A protocol that changes how its input is read: raw mode, limits, pauses, other protocols.

use ropewalk::testing::Events;
use ropewalk::{
    LineProtocol, LineReceiver, LineTransport, NetstringReceiver, Result, SendLine, StringProtocol,
    StringTransport,
};

/// Lines that are commands.
pub fn commands(events: Events) -> LineReceiver<Commands> {
    LineReceiver::new(Commands { events, raw: 0 }).delimiter(ropewalk::Delimiter::LfOrCrLf).max_length(5)
}

/// Does what each line says.
pub struct Commands {
    events: Events,
    /// How many bytes are raw.
    raw: usize,
}

impl LineProtocol for Commands {
    fn line_received(&mut self, transport: &mut LineTransport<'_>, line: &[u8]) -> Result {
        self.events.record_bytes("line", line);
        match line {
            b"pause" => transport.pause_reading(),
            b"quit" => transport.lose_connection(),
            b"fail" => return Err("failed as told".into()),
            b"abort" => transport.abort_connection(),
            b"net" => {
                let rest = transport.rest().into_owned();
                transport.switch_protocol(NetstringReceiver::new(Strings(self.events.clone())), rest);
            }
            [b'm', digit @ b'0'..=b'9'] => transport.set_max_length(usize::from(digit - b'0')),
            [b'r', digit @ b'1'..=b'9'] => {
                self.raw = usize::from(digit - b'0');
                transport.set_raw_mode();
            }
            line => transport.send_line(line),
        }
        Ok(())
    }

    fn raw_data_received(&mut self, transport: &mut LineTransport<'_>, data: &[u8]) -> Result {
        let (raw, rest) = data.split_at(self.raw.min(data.len()));
        self.events.record_stream("raw", raw);
        self.raw -= raw.len();
        if self.raw == 0 {
            transport.set_line_mode(rest);
        }
        Ok(())
    }

    fn line_too_long(&mut self, transport: &mut LineTransport<'_>, start: &[u8], _: usize) -> Result {
        self.events.record_bytes("too long", start);
        if start.starts_with(b"r") {
            self.raw = 2;
            transport.set_raw_mode();
        }
        Ok(())
    }
}

/// Goes back to lines with an empty string.
struct Strings(Events);

impl StringProtocol for Strings {
    fn string_received(&mut self, transport: &mut StringTransport<'_>, string: &[u8]) -> Result {
        self.0.record_bytes("string", string);
        match string {
            b"" => transport.switch_protocol(commands(self.0.clone()), transport.rest().into_owned()),
            b"p" => transport.pause_reading(),
            b"q" => transport.lose_connection(),
            [digit @ b'0'..=b'9'] => transport.set_max_length(usize::from(digit - b'0')),
            string => transport.write(string),
        }
        Ok(())
    }
}
