//! However the input is cut, an end of tinyproto hears and says what a model does that sees all of the input.
#![no_main]

use std::cell::RefCell;
use std::collections::VecDeque;
use std::rc::Rc;

use libfuzzer_sys::fuzz_target;
use ropewalk::testing::Probe;
use ropewalk::{Reason, Result, TinyProtocol, TinyReceiver, Transmit, Transport};
use ropewalk_fuzz::{Choices, cuts, resume_fully};

/// How an end behaves.
#[derive(Clone, Copy)]
struct Manners {
    is_client: bool,
    /// Refusals are no errors.
    tolerates: bool,
    pauses: bool,
    limit: u32,
    /// How many messages it transmits of its own accord.
    says: usize,
}

/// What became of an input.
#[derive(PartialEq, Eq, Default, Debug)]
struct Heard {
    messages: Vec<Vec<u8>>,
    written: Vec<u8>,
    end: String,
}

fuzz_target!(|input: &[u8]| {
    let mut choices = Choices::new(input);
    let (is_client, tolerates, pauses) = (choices.yes(), choices.yes(), choices.yes());
    let limit = choices.one_of(&[5, 0, 300, u32::MAX]);
    let manners = Manners { is_client, tolerates, pauses, limit, says: choices.below(3) };
    let size = choices.byte();
    let input = choices.rest();
    let [whole, others @ ..] = cuts(input, size).map(|parts| hear(&parts, manners));
    for other in others {
        assert_eq!(other, whole);
    }
    let (messages, written) = model(input, manners);
    assert_eq!((&whole.messages, &whole.written), (&messages, &written));
});

fn greeting(number: usize) -> Vec<u8> {
    vec![b'g'; number]
}

/// Says back what it hears.
struct Echo {
    manners: Manners,
    heard: Rc<RefCell<Heard>>,
}

impl Echo {
    fn tolerate(&self) -> Result {
        if self.manners.tolerates { Ok(()) } else { Err("refused".into()) }
    }
}

impl TinyProtocol for Echo {
    fn connection_made(&mut self, transport: &Transport) {
        (0..self.manners.says).for_each(|number| transport.transmit(greeting(number)));
    }

    fn message_received(&mut self, transport: &Transport, message: &[u8]) -> Result {
        self.heard.borrow_mut().messages.push(message.to_vec());
        transport.transmit(message);
        if self.manners.pauses {
            transport.pause_reading();
        }
        Ok(())
    }

    fn message_too_large(&mut self, _: &Transport, _: u32, _: u32) -> Result {
        self.tolerate()
    }

    fn transmission_refused(&mut self, _: &Transport, _: u8) -> Result {
        self.tolerate()
    }

    fn connection_lost(&mut self, _: &Transport, reason: &Reason) {
        self.heard.borrow_mut().end = reason.to_string();
    }
}

fn hear(parts: &[&[u8]], manners: Manners) -> Heard {
    let heard = Rc::<RefCell<Heard>>::default();
    let echo = Echo { manners, heard: Rc::clone(&heard) };
    let receiver = if manners.is_client { TinyReceiver::client(echo) } else { TinyReceiver::server(echo) };
    let mut probe = Probe::new(receiver.max_message(manners.limit));
    for part in parts {
        probe.deliver(part);
        resume_fully(&mut probe);
    }
    let written = probe.written();
    probe.deliver_eof();
    resume_fully(&mut probe);
    assert!(probe.is_closed(), "the connection has not ended: {:?}", heard.borrow());
    Heard { written, ..heard.take() }
}

/// The messages that an end hears, and what it writes.
fn model(input: &[u8], manners: Manners) -> (Vec<Vec<u8>>, Vec<u8>) {
    let (mut messages, mut written) = (Vec::new(), vec![0xff]);
    speak(input, manners, &mut messages, &mut written);
    (messages, written)
}

/// Takes so many bytes from the front of the input.
fn take<'a>(input: &mut &'a [u8], count: usize) -> Option<&'a [u8]> {
    let (taken, rest) = input.split_at_checked(count)?;
    *input = rest;
    Some(taken)
}

/// Ends at the end of the input, or at an error.
fn speak(
    mut input: &[u8],
    manners: Manners,
    messages: &mut Vec<Vec<u8>>,
    written: &mut Vec<u8>,
) -> Option<()> {
    let mut waiting: VecDeque<Vec<u8>> = (0..manners.says).map(greeting).collect();
    let (mut announced, mut parked) = (None, None);
    (take(&mut input, 1)? == [0xff]).then_some(())?;
    loop {
        if announced.is_none() {
            announced = waiting.pop_front();
            written.extend(announced.iter().flat_map(|message| (message.len() as u32).to_be_bytes()));
        }
        let size = match (&announced, input.first()?) {
            (Some(message), &status) if parked.is_some() || status > 0xf0 => {
                input = &input[1..];
                match status {
                    0xff => written.extend(message),
                    _ if manners.tolerates => {}
                    _ => return None,
                }
                announced = None;
                let Some(size) = parked.take() else { continue };
                size
            }
            _ => u32::from_be_bytes(take(&mut input, 4)?.try_into().ok()?),
        };
        if announced.is_some() && manners.is_client {
            parked = Some(size);
            continue;
        }
        if size > manners.limit.min(0xf0ff_ffff) {
            written.push(if manners.tolerates { 0xfd } else { 0x00 });
            manners.tolerates.then_some(())?;
            continue;
        }
        written.push(0xff);
        let message = take(&mut input, size as usize)?;
        messages.push(message.to_vec());
        waiting.push_back(message.to_vec());
    }
}
