//! A record of what all protocols of a run hear, and of what they should not have heard.

use std::any::Any;
use std::cell::RefCell;
use std::rc::Rc;
use std::time::Duration;

use ropewalk::{Address, Factory, Instant, Layer, Protocol, Reason, Result, TimerKey, Transport};

use crate::bounds::Bounds;

/// After this time each watched connection hears a timer, if it still lives.
const TIMER: Duration = Duration::from_millis(30);

/// What the protocols of a run have heard.
#[derive(Clone, Default)]
pub(crate) struct Book(Rc<RefCell<Pages>>);

#[derive(Default)]
struct Pages {
    entries: Vec<Entry>,
    wrongs: Vec<String>,
}

/// One connection.
struct Entry {
    whose: &'static str,
    transport: Transport,
    received: Vec<u8>,
    end_of_input: bool,
    lost: Option<String>,
    is_busy: bool,
    timer: Option<(TimerKey, Instant)>,
    /// When the connection was first seen to be on its way out.
    closing_since: Option<Instant>,
    bounds: Bounds,
}

impl Book {
    /// A factory whose protocols are watched. They write so many bytes of their own accord at the most.
    pub(crate) fn watch(
        &self,
        whose: &'static str,
        own_output: usize,
        inner: impl Factory + 'static,
    ) -> Rc<dyn Factory> {
        Rc::new(Watching { inner, book: self.clone(), whose, own_output })
    }

    /// Notes that a promise was broken.
    pub(crate) fn wrong(&self, what: impl Into<String>) {
        self.0.borrow_mut().wrongs.push(what.into());
    }

    pub(crate) fn wrongs(&self) -> Vec<String> {
        self.0.borrow().wrongs.clone()
    }

    /// What the connections of a run came to, in an order that does not depend on time.
    pub(crate) fn summary(&self) -> Vec<String> {
        let pages = self.0.borrow();
        let lines = pages.entries.iter().map(|entry| {
            let Entry { whose, received, end_of_input, lost, .. } = entry;
            let content = received.iter().fold(0u64, |sum, byte| {
                sum.wrapping_mul(0x0000_0100_0000_01b3).wrapping_add(u64::from(*byte))
            });
            format!("{whose}: {} bytes {content:x}, end of input {end_of_input}, {lost:?}", received.len())
        });
        let mut lines: Vec<_> = lines.collect();
        lines.sort();
        lines
    }

    /// Looks at the connections between turns: those that close must have an end (G6), and all keep within bounds (G4, G5).
    pub(crate) fn glance(&self, now: Instant) {
        let mut pages = self.0.borrow_mut();
        let Pages { entries, wrongs } = &mut *pages;
        for entry in entries.iter_mut().filter(|entry| entry.lost.is_none()) {
            entry.look(now, wrongs);
            let within = entry.bounds.look(&entry.transport);
            wrongs.extend(within.err().map(|excess| format!("{}: {excess}", entry.whose)));
        }
    }

    /// Notes those connections that have not heard of their end.
    pub(crate) fn close(&self) {
        let mut pages = self.0.borrow_mut();
        let Pages { entries, wrongs } = &mut *pages;
        for entry in entries.iter().filter(|entry| entry.lost.is_none()) {
            wrongs.push(format!("{}: the loss was never told", entry.whose));
        }
    }

    /// Does something with an entry while nothing of the book is kept borrowed.
    fn with<T>(&self, index: usize, change: impl FnOnce(&mut Entry, &mut Vec<String>) -> T) -> T {
        let mut pages = self.0.borrow_mut();
        let Pages { entries, wrongs } = &mut *pages;
        change(&mut entries[index], wrongs)
    }
}

impl Entry {
    fn look(&mut self, now: Instant, wrongs: &mut Vec<String>) {
        if self.transport.is_open() {
            return;
        }
        let since = *self.closing_since.get_or_insert(now);
        let limits = self.transport.limits();
        let longest = limits.close_timeout + limits.linger_timeout;
        // A deadline is met in the turn that it wakes.
        if now.saturating_since(since) > longest + Duration::from_millis(20) {
            wrongs.push(format!("{}: closes since {since:?}, and now it is {now:?}", self.whose));
        }
    }
}

struct Watching<F> {
    inner: F,
    book: Book,
    whose: &'static str,
    own_output: usize,
}

impl<F: Factory> Factory for Watching<F> {
    fn build_protocol(&self, peer: &Address) -> Option<Box<dyn Protocol>> {
        let inner = self.inner.build_protocol(peer)?;
        let Self { book, whose, own_output, .. } = self;
        let bounds = Some(Bounds::new(*own_output));
        Some(Box::new(Watched { inner, book: book.clone(), whose, index: None, bounds }))
    }

    fn admit(&self, peer: &Address, layers: &mut Vec<Box<dyn Layer>>) -> bool {
        self.inner.admit(peer, layers)
    }

    fn connection_failed(&self, peer: &Address, reason: &Reason) {
        self.inner.connection_failed(peer, reason);
    }

    fn start_factory(&self) {
        self.inner.start_factory();
    }

    fn stop_factory(&self) {
        self.inner.stop_factory();
    }
}

/// A protocol of which the book keeps an entry, from `connection_made` on.
struct Watched {
    inner: Box<dyn Protocol>,
    book: Book,
    whose: &'static str,
    index: Option<usize>,
    /// Until it has an entry.
    bounds: Option<Bounds>,
}

impl Watched {
    /// Calls the protocol with the entry marked as busy.
    fn call<T>(
        &mut self,
        name: &str,
        transport: &Transport,
        note: impl FnOnce(&mut Entry),
        call: impl FnOnce(&mut dyn Protocol) -> T,
    ) -> T {
        let Some(index) = self.index else {
            self.book.wrong(format!("{}: {name} came before connection_made", self.whose));
            return call(&mut *self.inner);
        };
        self.book.with(index, |entry, wrongs| {
            if entry.is_busy {
                wrongs.push(format!("{}: {name} came during another callback", entry.whose));
            }
            if entry.lost.is_some() {
                wrongs.push(format!("{}: {name} came after the loss", entry.whose));
            }
            entry.is_busy = true;
            note(entry);
        });
        let waited = transport.buffered();
        let result = call(&mut *self.inner);
        let now = transport.reactor().now();
        self.book.with(index, |entry, wrongs| {
            entry.is_busy = false;
            entry.bounds.write(transport.buffered().saturating_sub(waited));
            entry.look(now, wrongs);
        });
        result
    }

    fn timer_is_mine(&self, transport: &Transport, timer: TimerKey) -> bool {
        let Some(index) = self.index else { return false };
        self.book.with(index, |entry, wrongs| {
            let Some((_, due)) = entry.timer.take_if(|(key, _)| *key == timer) else { return false };
            if transport.reactor().now() < due {
                wrongs.push(format!("{}: a timer due at {due:?} fired early", entry.whose));
            }
            true
        })
    }
}

impl Protocol for Watched {
    fn connection_made(&mut self, transport: &Transport) {
        let Some(bounds) = self.bounds.take() else {
            return self.book.wrong(format!("{}: connection_made came twice", self.whose));
        };
        let due = transport.reactor().now() + TIMER;
        let timer = Some((transport.set_timer(TIMER), due));
        let entry = Entry {
            whose: self.whose,
            transport: transport.clone(),
            received: Vec::new(),
            end_of_input: false,
            lost: None,
            is_busy: false,
            timer,
            closing_since: None,
            bounds,
        };
        self.index = Some(self.book.0.borrow().entries.len());
        self.book.0.borrow_mut().entries.push(entry);
        self.call("connection_made", transport, |_| {}, |inner| inner.connection_made(transport));
    }

    fn data_received(&mut self, transport: &Transport, data: &[u8]) -> Result {
        let book = self.book.clone();
        let mut after_end = false;
        let mut within = Ok(());
        let note = |entry: &mut Entry| {
            after_end = entry.end_of_input;
            entry.received.extend_from_slice(data);
            within = entry.bounds.hear(transport, data.len());
        };
        let result =
            self.call("data_received", transport, note, |inner| inner.data_received(transport, data));
        if after_end {
            book.wrong(format!("{}: data came after the end of input", self.whose));
        }
        if let Err(excess) = within {
            book.wrong(format!("{}: {excess}", self.whose));
        }
        result
    }

    fn eof_received(&mut self, transport: &Transport) -> Result {
        let note = |entry: &mut Entry| entry.end_of_input = true;
        self.call("eof_received", transport, note, |inner| inner.eof_received(transport))
    }

    fn writing_paused(&mut self, transport: &Transport) {
        self.call("writing_paused", transport, |_| {}, |inner| inner.writing_paused(transport));
    }

    fn writing_resumed(&mut self, transport: &Transport) {
        self.call("writing_resumed", transport, |_| {}, |inner| inner.writing_resumed(transport));
    }

    fn reading_resumed(&mut self, transport: &Transport) -> Result {
        self.call("reading_resumed", transport, |_| {}, |inner| inner.reading_resumed(transport))
    }

    fn timer_expired(&mut self, transport: &Transport, timer: TimerKey) {
        if !self.timer_is_mine(transport, timer) {
            self.call("timer_expired", transport, |_| {}, |inner| inner.timer_expired(transport, timer));
        }
    }

    fn event_received(&mut self, transport: &Transport, event: Box<dyn Any>) {
        self.call("event_received", transport, |_| {}, |inner| inner.event_received(transport, event));
    }

    fn connection_lost(&mut self, transport: &Transport, reason: &Reason) {
        self.call("connection_lost", transport, |_| {}, |inner| inner.connection_lost(transport, reason));
        if let Some(index) = self.index {
            self.book.with(index, |entry, _| entry.lost = Some(reason.to_string()));
        }
    }
}
