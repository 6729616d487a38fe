//! What all receivers share: holding the bytes that are not delivered yet, and going on with them.

use std::borrow::Cow;

use ropewalk_reactor::{Result, Transport};

use crate::spare;

/// A fragment is held in a buffer of up to this size, or four times its own; one that is larger shrinks.
const SPARE_CAPACITY: usize = 1024;

/// A held fragment is completed with pieces of the read of at least this size.
const PIECE_MIN: usize = 64;

/// A format of frames, together with the protocol that they are delivered to.
pub(crate) trait Framing {
    /// What a frame is.
    type Frame;

    /// Finds the frame at the beginning of `input`. With `None` more bytes are needed; then the next call has an input
    /// that begins with the same bytes, which need not be searched again.
    fn find(&mut self, input: &[u8]) -> Option<Found<Self::Frame>>;

    /// Delivers a frame that was found. `rest` is all that has come after its `bytes`.
    fn deliver(&mut self, frame: Self::Frame, bytes: &[u8], rest: Rest<'_>, transport: &Transport) -> Result;
}

/// A frame at the beginning of the input.
pub(crate) struct Found<T> {
    /// How many bytes of the input it takes.
    pub(crate) length: usize,
    pub(crate) frame: T,
}

/// The bytes that have come and are not delivered, as a callback sees and changes them.
#[derive(Debug)]
pub(crate) struct Rest<'a> {
    input: &'a [u8],
    undelivered: &'a mut Undelivered,
}

/// Which bytes of the input are still to be delivered, and what comes after them.
#[derive(Debug)]
struct Undelivered {
    /// Where in the input they begin.
    start: usize,
    /// Bytes that the protocol has put behind the input.
    appended: Vec<u8>,
}

impl Undelivered {
    fn from(start: usize) -> Self {
        Self { start, appended: Vec::new() }
    }
}

impl Rest<'_> {
    fn unread(&self) -> &[u8] {
        &self.input[self.undelivered.start..]
    }

    /// The bytes themselves. Only when some have been appended are they copied together.
    pub(crate) fn bytes(&self) -> Cow<'_, [u8]> {
        let appended = &self.undelivered.appended;
        match self.unread() {
            unread if appended.is_empty() => Cow::Borrowed(unread),
            [] => Cow::Borrowed(appended),
            unread => Cow::Owned([unread, appended].concat()),
        }
    }

    /// Takes all of them away.
    pub(crate) fn take(&mut self) -> Vec<u8> {
        let taken = self.bytes().into_owned();
        *self.undelivered = Undelivered::from(self.input.len());
        taken
    }

    /// Puts `bytes` behind the others. If they are the end of what was just delivered, nothing is copied.
    pub(crate) fn append(&mut self, bytes: &[u8]) {
        if self.undelivered.appended.is_empty() && self.unread().is_empty() && is_end_of(bytes, self.input) {
            self.undelivered.start = self.input.len() - bytes.len();
        } else {
            self.undelivered.appended.extend_from_slice(bytes);
        }
    }
}

/// Whether `part` is the very memory at the end of `whole`.
fn is_end_of(part: &[u8], whole: &[u8]) -> bool {
    let (part, whole) = (part.as_ptr_range(), whole.as_ptr_range());
    part.end == whole.end && part.start >= whole.start
}

/// The bytes that a receiver holds between callbacks.
#[derive(Default)]
pub(crate) struct Held {
    bytes: Vec<u8>,
    /// Where the undelivered ones begin.
    start: usize,
    /// Delivering was stopped before all frames were delivered. Otherwise what is held is one incomplete frame.
    stopped: bool,
}

impl Held {
    /// Delivers the frames in what is held and in `read`, as far as the transport allows, and holds the rest.
    pub(crate) fn receive<F: Framing>(
        &mut self,
        framing: &mut F,
        transport: &Transport,
        read: &[u8],
    ) -> Result {
        let was_open = transport.is_open();
        let mut input = self.input(read);
        let result = input.deliver_all(framing, transport);
        if result.is_ok() && !is_over(was_open, transport) {
            self.hold(input, !transport.delivers_input());
        }
        result
    }

    /// Whether nothing is held, not even the beginning of a frame.
    pub(crate) fn is_empty(&self) -> bool {
        self.bytes().is_empty()
    }

    /// What is held.
    pub(crate) fn bytes(&self) -> &[u8] {
        &self.bytes[self.start..]
    }

    /// Calls `callback`, which may change what is held. What it thereby made deliverable is delivered when reading goes on.
    pub(crate) fn visit<R>(&mut self, transport: &Transport, callback: impl FnOnce(Rest<'_>) -> R) -> R {
        let was_open = transport.is_open();
        let mut undelivered = Undelivered::from(self.start);
        let result = callback(Rest { input: &self.bytes, undelivered: &mut undelivered });
        self.start = undelivered.start;
        if self.start == self.bytes.len() {
            // All was taken away. A protocol that is paused may do so, and put it back, any number of times.
            *self = Self::default();
        }
        self.bytes.append(&mut undelivered.appended);
        if is_over(was_open, transport) {
            *self = Self::default();
        } else if self.start < self.bytes.len() {
            // It may be many frames now.
            self.stopped = true;
            transport.continue_reading();
        }
        result
    }

    fn input<'a>(&mut self, read: &'a [u8]) -> Input<'a> {
        let Self { mut bytes, start, stopped } = std::mem::take(self);
        if stopped {
            // What is held may be many frames. Then the read is added to them, so that the rest of each is one slice.
            copy(read, &mut bytes);
            return Input { held: bytes, start, read: &[], next: 0 };
        }
        Input { held: bytes, start, read, next: 0 }
    }

    fn hold(&mut self, input: Input<'_>, stopped: bool) {
        let Input { mut held, mut start, read, next } = input;
        if start > held.len() / 2 {
            count_copied(held.len() - start);
            held.drain(..start);
            start = 0;
        }
        let rest = &read[next..];
        if held.capacity() == 0 {
            spare::make_room(&mut held, rest.len());
        }
        copy(rest, &mut held);
        if held.is_empty() {
            // An idle receiver has no buffer. A line that came in pieces thus costs an allocation, which is little beside
            // the read that each piece has cost.
            spare::give_back(held);
            *self = Self::default();
            return;
        }
        if start == 0 && held.capacity() > SPARE_CAPACITY.max(4 * held.len()) {
            held.shrink_to_fit();
        }
        *self = Self { bytes: held, start, stopped };
    }
}

/// Whether nothing will be delivered any more. A connection that had hung up before was not open either, and may pause
/// and go on.
fn is_over(was_open: bool, transport: &Transport) -> bool {
    was_open && !transport.is_open()
}

/// What is being delivered from: first what was held, then the read.
struct Input<'a> {
    held: Vec<u8>,
    /// Where the undelivered bytes of `held` begin.
    start: usize,
    read: &'a [u8],
    /// Where the undelivered bytes of `read` begin. Invariant: while bytes are held, those of `read` before this are the last
    /// of them.
    next: usize,
}

impl Input<'_> {
    fn deliver_all<F: Framing>(&mut self, framing: &mut F, transport: &Transport) -> Result {
        while transport.delivers_input() {
            let Some(found) = self.find(framing) else {
                return Ok(());
            };
            self.deliver(found, framing, transport)?;
        }
        Ok(())
    }

    fn holds(&self) -> bool {
        self.start < self.held.len()
    }

    /// Finds the next frame; a fragment that is held is completed by as little of the read as may do.
    fn find<F: Framing>(&mut self, framing: &mut F) -> Option<Found<F::Frame>> {
        if !self.holds() {
            return framing.find(&self.read[self.next..]);
        }
        loop {
            let fragment = &self.held[self.start..];
            let found = framing.find(fragment);
            if found.is_some() || self.next == self.read.len() {
                return found;
            }
            // Pieces of doubling size: the whole read is not copied for the sake of one short frame, nor is a long one
            // tried too often.
            self.hold_piece(fragment.len().max(PIECE_MIN));
        }
    }

    fn hold_piece(&mut self, length: usize) {
        let end = self.read.len().min(self.next.saturating_add(length));
        copy(&self.read[self.next..end], &mut self.held);
        self.next = end;
    }

    fn deliver<F: Framing>(
        &mut self,
        found: Found<F::Frame>,
        framing: &mut F,
        transport: &Transport,
    ) -> Result {
        let Found { length, frame } = found;
        let offer = |bytes: &[u8], input: &[u8], start: usize| {
            let mut undelivered = Undelivered::from(start);
            let rest = Rest { input, undelivered: &mut undelivered };
            framing.deliver(frame, bytes, rest, transport).map(|()| undelivered)
        };
        let appended = if !self.holds() {
            let end = self.next + length;
            let undelivered = offer(&self.read[self.next..end], self.read, end)?;
            self.next = undelivered.start;
            undelivered.appended
        } else if self.give_back_behind(length) {
            let undelivered = offer(&self.held[self.start..], self.read, self.next)?;
            self.held.clear();
            self.start = 0;
            self.next = undelivered.start;
            undelivered.appended
        } else {
            self.hold_read();
            let end = self.start + length;
            let undelivered = offer(&self.held[self.start..end], &self.held, end)?;
            self.start = undelivered.start;
            undelivered.appended
        };
        self.append(&appended);
        Ok(())
    }

    /// Gives what is held behind the first `length` bytes back to the read, if it came from there, so that nothing more of the
    /// read is copied.
    fn give_back_behind(&mut self, length: usize) -> bool {
        let end = self.start + length;
        let behind = self.held.len() - end;
        let came_from_read = !self.read.is_empty() && behind <= self.next;
        if came_from_read {
            self.held.truncate(end);
            self.next -= behind;
        }
        came_from_read
    }

    fn append(&mut self, bytes: &[u8]) {
        if !bytes.is_empty() {
            self.hold_read();
            copy(bytes, &mut self.held);
        }
    }

    fn hold_read(&mut self) {
        copy(&self.read[self.next..], &mut self.held);
        (self.read, self.next) = (&[], 0);
    }
}

fn copy(bytes: &[u8], into: &mut Vec<u8>) {
    count_copied(bytes.len());
    into.extend_from_slice(bytes);
}

/// Lets tests see that the work is linear.
fn count_copied(bytes: usize) {
    #[cfg(test)]
    tests::COPIED.set(tests::COPIED.get() + bytes);
    #[cfg(not(test))]
    let _ = bytes;
}

#[cfg(test)]
mod tests;
