//! However telnet comes, what is heard, said and shown is the same, in the same order, and all laws of protocols hold.
#![no_main]

use std::any::Any;

use libfuzzer_sys::fuzz_target;
use ropewalk::testing::{Events, ProtocolCheck};
use ropewalk::{
    Delimiter, Layer, LineProtocol, LineReceiver, LineTransport, Result, SendLine, TelnetEvent, TelnetLayer,
    TelnetTransport,
};

// The input says a script as `fuzz_protocol` tells, of what is sent, pauses, blocked output and ends.
fuzz_target!(|input: &[u8]| {
    let server = || -> Vec<Box<dyn Layer>> { vec![Box::new(TelnetLayer::server())] };
    ProtocolCheck::new(|events| LineReceiver::new(Answers(events)).delimiter(Delimiter::LfOrCrLf))
        .through(server)
        .run_fuzzed(input);
});

/// Answers each line and each event, and does what lines say by their first byte.
struct Answers(Events);

impl LineProtocol for Answers {
    fn line_received(&mut self, transport: &mut LineTransport<'_>, line: &[u8]) -> Result {
        self.0.record_bytes("line", line);
        transport.send_line([b"[", line, b"]"].concat());
        match line.first() {
            Some(b'c') => transport.set_character_mode(true),
            Some(b'l') => transport.set_character_mode(false),
            Some(b'h') => transport.set_input_hidden(true),
            Some(b's') => transport.set_input_hidden(false),
            Some(b't') => transport.ask_for_terminal(),
            Some(b'q') => transport.lose_connection(),
            Some(b'e') => return Err("the line said so".into()),
            _ => {}
        }
        Ok(())
    }

    fn event_received(&mut self, transport: &mut LineTransport<'_>, event: Box<dyn Any>) {
        if let Some(event) = event.downcast_ref::<TelnetEvent>() {
            self.0.record(format_args!("{event:?}"));
            transport.send_line(format!("{event:?}"));
        }
    }

    fn eof_received(&mut self, transport: &mut LineTransport<'_>) -> Result {
        self.0.record_bytes("eof", &transport.rest());
        transport.lose_connection();
        Ok(())
    }
}
