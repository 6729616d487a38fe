//! The protocol under a stream, and what the two share.

use std::cell::{Cell, RefCell, RefMut};
use std::rc::Rc;
use std::task::{Context, Waker};

use ropewalk_reactor::{Protocol, Reason, Result, Transport};

use super::StreamError;
use super::buffer::Buffer;

/// When so many bytes of input wait to be asked for, the peer has to wait, unless a read asks for more.
const INPUT_MARK: usize = 64 * 1024;

/// What a stream and its protocol share.
#[derive(Default)]
pub(super) struct Shared {
    input: RefCell<Buffer>,
    /// How many bytes the read that goes on asks for.
    wanted: Cell<usize>,
    reading_paused: Cell<bool>,
    writing_paused: Cell<bool>,
    /// The peer will send no more.
    finished: Cell<bool>,
    /// How the connection ended, once it has.
    loss: RefCell<Option<std::result::Result<(), StreamError>>>,
    /// Those who wait for any of this to change.
    waiting: RefCell<Vec<Waker>>,
}

impl Shared {
    /// The input that was not taken. To be let go before anybody else is called.
    pub(super) fn input(&self) -> RefMut<'_, Buffer> {
        self.input.borrow_mut()
    }

    pub(super) fn is_writing_paused(&self) -> bool {
        self.writing_paused.get()
    }

    pub(super) fn loss(&self) -> Option<std::result::Result<(), StreamError>> {
        self.loss.borrow().clone()
    }

    /// Whether there will be no more input; if so, whether it has ended in an orderly way.
    pub(super) fn end_of_input(&self) -> Option<std::result::Result<(), StreamError>> {
        if self.finished.get() { Some(Ok(())) } else { self.loss() }
    }

    /// Has so many bytes of input let in, and the peer wait when there are more than anybody wants.
    pub(super) fn want(&self, wanted: usize, transport: &Transport) {
        self.wanted.set(wanted);
        let full = self.input.borrow().len() >= wanted.max(INPUT_MARK);
        if full != self.reading_paused.replace(full) {
            if full { transport.pause_reading() } else { transport.resume_reading() }
        }
    }

    /// Has whoever polls woken when something changes.
    pub(super) fn wait(&self, context: &Context<'_>) {
        let mut waiting = self.waiting.borrow_mut();
        if !waiting.iter().any(|waker| waker.will_wake(context.waker())) {
            waiting.push(context.waker().clone());
        }
    }

    fn changed(&self) {
        for waker in self.waiting.take() {
            waker.wake();
        }
    }
}

/// Notes what happens, and wakes those who wait for it.
pub(super) struct Feeder(pub(super) Rc<Shared>);

impl Protocol for Feeder {
    fn data_received(&mut self, transport: &Transport, data: &[u8]) -> Result {
        self.0.input().push(data);
        self.0.want(self.0.wanted.get(), transport);
        self.0.changed();
        Ok(())
    }

    fn eof_received(&mut self, _transport: &Transport) -> Result {
        self.0.finished.set(true);
        self.0.changed();
        Ok(())
    }

    fn writing_paused(&mut self, _transport: &Transport) {
        self.0.writing_paused.set(true);
    }

    fn writing_resumed(&mut self, _transport: &Transport) {
        self.0.writing_paused.set(false);
        self.0.changed();
    }

    fn connection_lost(&mut self, _transport: &Transport, reason: &Reason) {
        let loss = if reason.is_clean() { Ok(()) } else { Err(StreamError::Lost(reason.to_string())) };
        self.0.loss.replace(Some(loss));
        self.0.changed();
    }

    fn name(&self) -> &'static str {
        "ByteStream"
    }
}
