//! Protocols behind telnet that record what they hear, and the numbers of telnet.

use std::any::Any;

use ropewalk_protocols::{
    Delimiter, LineProtocol, LineReceiver, LineTransport, SendLine, TelnetEvent, TelnetLayer, TelnetTransport,
};
use ropewalk_reactor::testing::{Events, Outcome, ProtocolCheck, Script};
use ropewalk_reactor::{Layer, Protocol, Result, Transport};

pub(crate) const IAC: u8 = 255;
pub(crate) const DONT: u8 = 254;
pub(crate) const DO: u8 = 253;
pub(crate) const WONT: u8 = 252;
pub(crate) const WILL: u8 = 251;
pub(crate) const SB: u8 = 250;
pub(crate) const SE: u8 = 240;
pub(crate) const IS: u8 = 0;
pub(crate) const ECHO: u8 = 1;
pub(crate) const SUPPRESS_GO_AHEAD: u8 = 3;
pub(crate) const TERMINAL_TYPE: u8 = 24;
pub(crate) const WINDOW_SIZE: u8 = 31;
pub(crate) const LINEMODE: u8 = 34;

/// Answers each line by itself in brackets, and does what some say.
pub(crate) struct Lines(Events);

impl LineProtocol for Lines {
    fn line_received(&mut self, transport: &mut LineTransport<'_>, line: &[u8]) -> Result {
        self.0.record_bytes("line", line);
        transport.send_line([b"[", line, b"]"].concat());
        match line {
            b"character" => transport.set_character_mode(true),
            b"lines" => transport.set_character_mode(false),
            b"hide" => transport.set_input_hidden(true),
            b"show" => transport.set_input_hidden(false),
            b"terminal" => transport.ask_for_terminal(),
            b"quit" => transport.lose_connection(),
            _ => {}
        }
        Ok(())
    }

    fn event_received(&mut self, transport: &mut LineTransport<'_>, event: Box<dyn Any>) {
        let event = event.downcast::<TelnetEvent>().unwrap();
        self.0.record(format_args!("{event:?}"));
        if *event == TelnetEvent::Interrupt {
            transport.send_line("interrupted");
        }
    }

    fn eof_received(&mut self, transport: &mut LineTransport<'_>) -> Result {
        self.0.record_bytes("eof", &transport.rest());
        transport.lose_connection();
        Ok(())
    }
}

fn server() -> Vec<Box<dyn Layer>> {
    vec![Box::new(TelnetLayer::server())]
}

/// Lines behind the server's side, to be checked.
pub(crate) fn lines() -> ProtocolCheck<'static, LineReceiver<Lines>> {
    ProtocolCheck::new(|events| LineReceiver::new(Lines(events)).delimiter(Delimiter::LfOrCrLf))
        .through(server)
}

/// What becomes of input, in whatever way it comes.
#[track_caller]
pub(crate) fn check(input: impl Into<Script>) -> Outcome {
    lines().run(input)
}

/// Records its data, joined, as it is at each event and at the end; writes what it gets.
pub(crate) struct Bytes {
    events: Events,
    data: Vec<u8>,
}

impl Bytes {
    pub(crate) fn new(events: Events) -> Self {
        Self { events, data: Vec::new() }
    }

    fn note(&mut self) {
        if !self.data.is_empty() {
            self.events.record_bytes("data", &std::mem::take(&mut self.data));
        }
    }
}

impl Protocol for Bytes {
    fn data_received(&mut self, transport: &Transport, data: &[u8]) -> Result {
        self.data.extend_from_slice(data);
        transport.write(data);
        Ok(())
    }

    fn event_received(&mut self, _: &Transport, event: Box<dyn Any>) {
        self.note();
        self.events.record(format_args!("{:?}", event.downcast::<TelnetEvent>().unwrap()));
    }

    fn eof_received(&mut self, transport: &Transport) -> Result {
        self.note();
        transport.lose_connection();
        Ok(())
    }
}

/// What becomes of input that is echoed as it is, in whatever way it comes.
#[track_caller]
pub(crate) fn check_bytes(input: impl Into<Script>) -> Outcome {
    ProtocolCheck::new(Bytes::new).through(server).run(input)
}

/// The same on the client's side.
#[track_caller]
pub(crate) fn check_client(input: impl Into<Script>) -> Outcome {
    let client = || -> Vec<Box<dyn Layer>> { vec![Box::new(TelnetLayer::client("XTERM"))] };
    ProtocolCheck::new(Bytes::new).through(client).run(input)
}

/// The input that makes one out of parts.
pub(crate) fn bytes(parts: &[&[u8]]) -> Vec<u8> {
    parts.concat()
}

/// The client asks for what has it send each character as it is typed, as `mode character` does.
pub(crate) const CHARACTER_MODE: &[u8] = &[IAC, DO, SUPPRESS_GO_AHEAD, IAC, DO, ECHO];

/// What the server answers.
pub(crate) const CHARACTER_MODE_GRANTED: &[u8] = &[IAC, WILL, SUPPRESS_GO_AHEAD, IAC, WILL, ECHO];
