//! The ways to tell messages apart, as one.

use std::time::Duration;

use ropewalk::testing::Dice;
use ropewalk::{
    Int8StringReceiver, Int16StringReceiver, Int32StringReceiver, LineProtocol, LineReceiver, LineTransport,
    NetstringReceiver, Protocol, Reason, Result, SendLine, SendString, StringProtocol, StringTransport,
    TimerKey, Transport,
};

use super::End;

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Format {
    Lines,
    Netstrings,
    Int8,
    Int16,
    Int32,
}

impl Format {
    pub(super) const ALL: [Self; 5] = [Self::Lines, Self::Netstrings, Self::Int8, Self::Int16, Self::Int32];

    pub(super) fn send(self, transport: &Transport, message: &[u8]) {
        match self {
            Self::Lines => transport.send_line(message),
            Self::Netstrings => transport.send_netstring(message),
            Self::Int8 => transport.send_string8(message).unwrap(),
            Self::Int16 => transport.send_string16(message).unwrap(),
            Self::Int32 => transport.send_string32(message).unwrap(),
        }
    }

    /// A message that can be sent in this format: any bytes, but no delimiter in a line.
    pub(super) fn message(self, dice: &Dice) -> Vec<u8> {
        let longest = if self == Self::Int8 { 255 } else { [10, 300, 5_000][dice.roll(3) as usize] };
        let length = dice.roll(longest + 1);
        let byte = |_| dice.number() as u8;
        let bytes: Vec<u8> = (0..length).map(byte).collect();
        if self == Self::Lines { bytes.into_iter().filter(|byte| *byte != b'\n').collect() } else { bytes }
    }

    /// A protocol that notes the messages it hears, and may send them back, and takes rests.
    pub(super) fn protocol(self, end: &End, manners: Manners) -> Box<dyn Protocol> {
        let person = Person { end: end.clone(), format: self, manners, heard: 0 };
        match self {
            Self::Lines => Box::new(LineReceiver::new(person)),
            Self::Netstrings => Box::new(NetstringReceiver::new(person)),
            Self::Int8 => Box::new(Int8StringReceiver::new(person)),
            Self::Int16 => Box::new(Int16StringReceiver::new(person)),
            Self::Int32 => Box::new(Int32StringReceiver::new(person)),
        }
    }
}

/// How one end behaves.
#[derive(Clone, Copy)]
pub(super) struct Manners {
    pub(super) answers: bool,
    /// Reads nothing for a while after so many messages.
    pub(super) rests_after: Option<u64>,
}

struct Person {
    end: End,
    format: Format,
    manners: Manners,
    heard: u64,
}

impl Person {
    fn hear(&mut self, transport: &Transport, message: &[u8]) {
        assert!(!transport.is_reading_paused(), "nothing is heard during a rest");
        self.end.hear(message);
        if self.manners.answers {
            self.format.send(transport, message);
        }
        self.heard += 1;
        if self.manners.rests_after.is_some_and(|messages| self.heard % messages == 0) {
            transport.pause_reading();
            let _ = transport.set_timer(Duration::from_millis(20));
        }
    }
}

impl LineProtocol for Person {
    fn connection_made(&mut self, transport: &mut LineTransport<'_>) {
        self.end.made(transport);
    }

    fn line_received(&mut self, transport: &mut LineTransport<'_>, line: &[u8]) -> Result {
        self.hear(transport, line);
        Ok(())
    }

    fn timer_expired(&mut self, transport: &mut LineTransport<'_>, _: TimerKey) {
        transport.resume_reading();
    }

    fn connection_lost(&mut self, _: &Transport, reason: &Reason) {
        self.end.end(reason);
    }
}

impl StringProtocol for Person {
    fn connection_made(&mut self, transport: &mut StringTransport<'_>) {
        self.end.made(transport);
    }

    fn string_received(&mut self, transport: &mut StringTransport<'_>, string: &[u8]) -> Result {
        self.hear(transport, string);
        Ok(())
    }

    fn timer_expired(&mut self, transport: &mut StringTransport<'_>, _: TimerKey) {
        transport.resume_reading();
    }

    fn connection_lost(&mut self, _: &Transport, reason: &Reason) {
        self.end.end(reason);
    }
}
