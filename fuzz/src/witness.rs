//! What a receiver makes of its input.

use std::any::Any;
use std::cell::RefCell;
use std::rc::Rc;

use ropewalk::testing::Probe;
use ropewalk::{
    LineProtocol, LineTransport, Protocol, Reason, Result, StringProtocol, StringTransport, Transport,
};

use crate::resume_fully;

/// What a receiver has made of its input.
#[derive(Clone, PartialEq, Eq, Default, Debug)]
pub struct Heard {
    /// The frames, in order, and for each whether it was too long. Then a line is its beginning, a string is empty.
    pub frames: Vec<(Vec<u8>, bool)>,
    /// What was left at the end of the input, if it came to that.
    pub rest: Option<Vec<u8>>,
    /// Why the connection ended.
    pub end: String,
}

/// Notes what a receiver gives it. It tolerates frames that are too long, and pauses at each frame if it is told to.
#[derive(Clone, Default, Debug)]
pub struct Witness {
    pauses: bool,
    heard: Rc<RefCell<Heard>>,
    /// What the receiver held when it was last asked.
    held: Rc<RefCell<Vec<u8>>>,
}

/// Has the witness note what the receiver holds.
struct Look;

impl Witness {
    fn hear(&self, transport: &Transport, frame: &[u8], too_long: bool) -> Result {
        self.heard.borrow_mut().frames.push((frame.to_vec(), too_long));
        if self.pauses {
            transport.pause_reading();
        }
        Ok(())
    }
}

impl LineProtocol for Witness {
    fn line_received(&mut self, transport: &mut LineTransport<'_>, line: &[u8]) -> Result {
        self.hear(transport, line, false)
    }

    fn line_too_long(&mut self, transport: &mut LineTransport<'_>, start: &[u8], _: usize) -> Result {
        self.hear(transport, start, true)
    }

    fn event_received(&mut self, transport: &mut LineTransport<'_>, _: Box<dyn Any>) {
        self.held.replace(transport.rest().into_owned());
    }

    fn eof_received(&mut self, transport: &mut LineTransport<'_>) -> Result {
        self.heard.borrow_mut().rest = Some(transport.rest().into_owned());
        transport.lose_connection();
        Ok(())
    }

    fn connection_lost(&mut self, _: &Transport, reason: &Reason) {
        self.heard.borrow_mut().end = reason.to_string();
    }
}

impl StringProtocol for Witness {
    fn string_received(&mut self, transport: &mut StringTransport<'_>, string: &[u8]) -> Result {
        self.hear(transport, string, false)
    }

    fn string_too_long(&mut self, transport: &mut StringTransport<'_>, _: u64, _: usize) -> Result {
        self.hear(transport, &[], true)
    }

    fn event_received(&mut self, transport: &mut StringTransport<'_>, _: Box<dyn Any>) {
        self.held.replace(transport.rest().into_owned());
    }

    fn eof_received(&mut self, transport: &mut StringTransport<'_>) -> Result {
        self.heard.borrow_mut().rest = Some(transport.rest().into_owned());
        transport.lose_connection();
        Ok(())
    }

    fn connection_lost(&mut self, _: &Transport, reason: &Reason) {
        self.heard.borrow_mut().end = reason.to_string();
    }
}

/// Gives the receiver that `make` makes the parts of an input, and then the end of it. Fails if it holds more than
/// `held_max` bytes after any of them, or if the connection does not end.
pub fn hear<P: Protocol + 'static>(
    parts: &[&[u8]],
    pauses: bool,
    held_max: usize,
    make: impl FnOnce(Witness) -> P,
) -> Heard {
    let witness = Witness { pauses, ..Witness::default() };
    let mut probe = Probe::new(make(witness.clone()));
    for part in parts {
        probe.deliver(part);
        resume_fully(&mut probe);
        probe.transport().post(Look);
        probe.settle();
        let held = witness.held.borrow().len();
        assert!(held <= held_max, "{held} bytes are held; the limit is {held_max}");
    }
    probe.deliver_eof();
    resume_fully(&mut probe);
    assert!(probe.is_closed(), "the connection has not ended: {:?}", witness.heard.borrow());
    witness.heard.take()
}
