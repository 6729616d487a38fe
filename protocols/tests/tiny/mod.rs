//! What the tests of tinyproto share.
#![allow(dead_code, reason = "each test file uses its part")]

use ropewalk_protocols::{TinyProtoError, TinyProtocol, TinyReceiver, Transmit};
use ropewalk_reactor::testing::{Events, Probe};
use ropewalk_reactor::{Reason, Result, Transport};

/// Hears messages, and does with each what the test wants.
pub(crate) struct Hears<F> {
    pub(crate) log: Events,
    pub(crate) react: F,
    /// Refusals are no errors, in either direction.
    pub(crate) tolerates: bool,
}

/// The type of a test's reaction, where it must have a name.
pub(crate) type React = fn(&Transport, &[u8]) -> Result;

impl<F: FnMut(&Transport, &[u8]) -> Result> Hears<F> {
    pub(crate) fn new(log: &Events, react: F) -> Self {
        Self { log: log.clone(), react, tolerates: false }
    }

    fn tolerate(&self, error: TinyProtoError) -> Result {
        if self.tolerates { Ok(()) } else { Err(error.into()) }
    }
}

impl<F: FnMut(&Transport, &[u8]) -> Result> TinyProtocol for Hears<F> {
    fn ready(&mut self, _: &Transport) {
        self.log.record("ready");
    }

    fn message_received(&mut self, transport: &Transport, message: &[u8]) -> Result {
        self.log.record_bytes("message", message);
        (self.react)(transport, message)
    }

    fn message_too_large(&mut self, _: &Transport, size: u32, limit: u32) -> Result {
        self.log.record(format_args!("too large {size}"));
        self.tolerate(TinyProtoError::MessageTooLarge { size, limit })
    }

    fn transmission_refused(&mut self, _: &Transport, code: u8) -> Result {
        self.log.record(format_args!("refused {code:02x}"));
        self.tolerate(TinyProtoError::TransmissionRefused { code })
    }

    fn eof_received(&mut self, transport: &Transport) -> Result {
        self.log.record("eof");
        transport.lose_connection();
        Ok(())
    }

    fn connection_lost(&mut self, _: &Transport, reason: &Reason) {
        self.log.record(format_args!("lost {reason}"));
    }
}

/// The echo of the README of tinyproto.
pub(crate) fn echo(log: Events) -> TinyReceiver<impl TinyProtocol> {
    TinyReceiver::server(Hears::new(&log, echo_back))
}

pub(crate) fn echo_back(transport: &Transport, message: &[u8]) -> Result {
    match message {
        b"QUIT" => transport.lose_connection(),
        message => transport.transmit([b"Echo back: ", message].concat()),
    }
    Ok(())
}

pub(crate) fn failed(error: TinyProtoError) -> String {
    format!("lost the connection was closed because of an error: {error}")
}

/// Delivers the first of each pair, and expects the second to be written.
#[track_caller]
pub(crate) fn transcript(probe: &mut Probe, lines: &[(&[u8], &[u8])]) {
    for (number, (delivered, expected)) in lines.iter().enumerate() {
        if !delivered.is_empty() {
            probe.deliver(delivered);
        }
        let written = probe.written();
        assert!(
            written == *expected,
            "line {number}: {} instead of {}",
            written.escape_ascii(),
            expected.escape_ascii()
        );
    }
}

/// Two ends, each with a connection whose other end is this.
pub(crate) struct Ends {
    pub(crate) client: Probe,
    pub(crate) server: Probe,
}

impl Ends {
    /// Takes what both have written at the same time, delivers it, and returns what the client said and what the server said.
    pub(crate) fn exchange(&mut self) -> (Vec<u8>, Vec<u8>) {
        self.client.settle();
        self.server.settle();
        let (from_client, from_server) = (self.client.written(), self.server.written());
        if !from_client.is_empty() {
            self.server.deliver(&from_client);
        }
        if !from_server.is_empty() {
            self.client.deliver(&from_server);
        }
        (from_client, from_server)
    }
}
