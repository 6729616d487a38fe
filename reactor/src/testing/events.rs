//! What a protocol under test has heard.

use std::cell::RefCell;
use std::fmt::{self, Display};
use std::rc::Rc;

use crate::Transport;

/// A list, as text, of what a protocol under test has heard, in order. Clones share it: the protocol holds one and
/// records, the test holds another.
///
/// With [`check_protocol`](super::check_protocol), record what the input said and not when or in how many pieces it
/// came: lines and messages, their order, the reason of the loss; not pauses, nor sizes of reads.
///
/// ```
/// use ropewalk_reactor::testing::Events;
///
/// let events = Events::new();
/// events.record("made");
/// events.record_bytes("line", b"caf\xe9");
/// events.record_stream("body", b"one ");
/// events.record_stream("body", b"piece");
/// assert_eq!(events.take(), ["made", "line caf\\xe9", "body one piece"]);
/// ```
#[derive(Clone, Default)]
pub struct Events {
    shared: Rc<Shared>,
}

#[derive(Default)]
struct Shared {
    list: RefCell<Vec<String>>,
    /// The name of the last event, if it is a stream that may go on.
    stream: RefCell<Option<String>>,
    /// The connection that pauses reading at each event.
    paused: RefCell<Option<Transport>>,
}

impl Events {
    /// An empty list.
    pub fn new() -> Self {
        Self::default()
    }

    /// Records an event. What has only `Debug` goes in with `format_args!("{:?}", …)`.
    pub fn record(&self, event: impl Display) {
        self.add(event.to_string());
        self.shared.stream.take();
    }

    /// Records bytes that belong together, such as a line: the name, a space, and the bytes in ASCII with escapes.
    pub fn record_bytes(&self, name: &str, bytes: &[u8]) {
        self.record(format_args!("{name} {}", bytes.escape_ascii()));
    }

    /// Records bytes whose division into calls means nothing: those that follow each other under one name become one
    /// event. Nothing is recorded for no bytes.
    pub fn record_stream(&self, name: &str, bytes: &[u8]) {
        if bytes.is_empty() {
            return;
        }
        if self.shared.stream.borrow().as_deref() == Some(name) {
            if let Some(last) = self.shared.list.borrow_mut().last_mut() {
                last.push_str(&bytes.escape_ascii().to_string());
            }
            self.pause();
        } else {
            self.record_bytes(name, bytes);
            self.shared.stream.replace(Some(name.to_owned()));
        }
    }

    /// Takes what was recorded since this was last called.
    pub fn take(&self) -> Vec<String> {
        self.shared.stream.take();
        self.shared.list.take()
    }

    /// What was recorded so far.
    pub(super) fn so_far(&self) -> Vec<String> {
        self.shared.list.borrow().clone()
    }

    /// How many were recorded so far.
    pub(super) fn length(&self) -> usize {
        self.shared.list.borrow().len()
    }

    /// How many clones there are.
    pub(super) fn holders(&self) -> usize {
        Rc::strong_count(&self.shared)
    }

    /// Forgets the connection that pauses at each event.
    pub(super) fn release(&self) {
        self.shared.paused.take();
    }

    /// Has `transport` pause reading at each event from now on.
    pub(super) fn pause_at_each(&self, transport: &Transport) {
        self.shared.paused.replace(Some(transport.clone()));
    }

    fn add(&self, event: String) {
        self.shared.list.borrow_mut().push(event);
        self.pause();
    }

    fn pause(&self) {
        if let Some(transport) = &*self.shared.paused.borrow() {
            transport.pause_reading();
        }
    }
}

impl fmt::Debug for Events {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.shared.list.borrow().fmt(formatter)
    }
}
