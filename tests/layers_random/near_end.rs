//! The reactor's side: layers, and a protocol that minds that it is called in order.

use std::any::Any;
use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::time::Duration;

use ropewalk::{Layer, LayerEnd, LayerState, Producer, Protocol, Reason, Result, Transport};

use crate::far_end::{Kind, numbered, turned};
use crate::layering::{Header, Masked};
use crate::world::kind as in_words;

/// What the protocols of one connection share with the test.
#[derive(Default)]
pub(crate) struct Notes {
    pub(crate) received: RefCell<Vec<u8>>,
    pub(crate) written: Cell<usize>,
    pub(crate) made: Cell<bool>,
    pub(crate) ended: Cell<bool>,
    pub(crate) lost: RefCell<Option<String>>,
    /// What should not have come. A panic would only end the connection.
    pub(crate) violations: RefCell<Vec<String>>,
    pub(crate) echoes: Cell<bool>,
    /// What to do in the callback that comes next.
    pub(crate) next: RefCell<Vec<Deed>>,
    /// What to do when layers are open.
    pub(crate) when_opened: RefCell<Option<Deed>>,
    /// Layers that were inserted and are not known to the peer: their kind, and how much was written before.
    pub(crate) inserted: RefCell<Vec<(Kind, usize)>>,
    told_paused: Cell<bool>,
    running: Cell<bool>,
    /// Held by everything that must be gone in the end.
    pub(crate) token: RefCell<Rc<()>>,
}

pub(crate) type Deed = Box<dyn FnOnce(&Transport, &Rc<Notes>)>;

impl Notes {
    /// Writes so many numbered bytes.
    pub(crate) fn write(&self, transport: &Transport, count: usize) {
        if transport.accepts_output() {
            transport.write(numbered(self.written.get(), count));
            self.written.set(self.written.get() + count);
        }
    }

    pub(crate) fn insert(&self, transport: &Transport, kind: Kind) {
        if transport.accepts_output() {
            transport.insert_layer(Counted { layer: layer(kind), _token: Rc::clone(&self.token.borrow()) });
            self.inserted.borrow_mut().push((kind, self.written.get()));
        }
    }

    fn expect(&self, condition: bool, what: &str) {
        if !condition {
            self.violations.borrow_mut().push(what.to_owned());
        }
    }

    fn callback(self: &Rc<Self>, transport: &Transport, name: &str) -> Running {
        self.expect(!self.running.replace(true), name);
        self.expect(self.made.get(), &format!("{name} before connection_made"));
        self.expect(self.lost.borrow().is_none(), &format!("{name} after connection_lost"));
        let deeds = self.next.take();
        deeds.into_iter().for_each(|deed| deed(transport, self));
        Running(Rc::clone(self))
    }
}

struct Running(Rc<Notes>);

impl Drop for Running {
    fn drop(&mut self) {
        self.0.running.set(false);
    }
}

/// The protocol.
pub(crate) struct Recorder {
    notes: Rc<Notes>,
    is_first: bool,
    _token: Rc<()>,
}

impl Recorder {
    pub(crate) fn new(notes: &Rc<Notes>, is_first: bool) -> Self {
        Self { notes: Rc::clone(notes), is_first, _token: Rc::clone(&notes.token.borrow()) }
    }
}

impl Protocol for Recorder {
    fn connection_made(&mut self, transport: &Transport) {
        if self.is_first {
            self.notes.expect(!self.notes.made.replace(true), "connection_made twice");
        }
        self.notes.told_paused.set(false);
        self.notes.callback(transport, "connection_made");
    }

    fn data_received(&mut self, transport: &Transport, data: &[u8]) -> Result {
        self.notes.expect(!data.is_empty(), "empty input");
        self.notes.expect(!self.notes.ended.get(), "input after its end");
        self.notes.expect(!transport.is_reading_paused(), "input during a pause");
        let _running = self.notes.callback(transport, "data_received");
        self.notes.received.borrow_mut().extend(data);
        if self.notes.echoes.get() {
            self.notes.write(transport, data.len());
        }
        Ok(())
    }

    fn eof_received(&mut self, transport: &Transport) -> Result {
        self.notes.expect(!self.notes.ended.replace(true), "eof_received twice");
        self.notes.callback(transport, "eof_received");
        Ok(())
    }

    fn writing_paused(&mut self, transport: &Transport) {
        self.notes.expect(!self.notes.told_paused.replace(true), "writing_paused twice");
        self.notes.callback(transport, "writing_paused");
    }

    fn writing_resumed(&mut self, transport: &Transport) {
        self.notes.expect(self.notes.told_paused.replace(false), "writing_resumed without a pause");
        self.notes.callback(transport, "writing_resumed");
    }

    fn reading_resumed(&mut self, transport: &Transport) -> Result {
        self.notes.callback(transport, "reading_resumed");
        Ok(())
    }

    fn event_received(&mut self, transport: &Transport, event: Box<dyn Any>) {
        let _running = self.notes.callback(transport, "event_received");
        let deed: Deed = *event.downcast::<Deed>().unwrap();
        deed(transport, &self.notes);
    }

    fn layer_inserted(&mut self, transport: &Transport) -> Result {
        self.notes.callback(transport, "layer_inserted");
        Ok(())
    }

    fn layer_opened(&mut self, transport: &Transport) {
        let _running = self.notes.callback(transport, "layer_opened");
        let deed = self.notes.when_opened.take();
        deed.into_iter().for_each(|deed| deed(transport, &self.notes));
    }

    fn connection_lost(&mut self, transport: &Transport, reason: &Reason) {
        self.notes.callback(transport, "connection_lost");
        self.notes.expect(!transport.is_open(), "lost and open");
        self.notes.lost.replace(Some(in_words(reason)));
    }
}

/// Writes some pieces when it is asked to, then goes.
pub(crate) struct Pieces {
    pub(crate) notes: Rc<Notes>,
    pub(crate) left: usize,
    pub(crate) size: usize,
    pub(crate) token: Rc<()>,
}

impl Producer for Pieces {
    fn resume_producing(&mut self, transport: &Transport) {
        let _ = &self.token;
        if self.left == 0 {
            transport.unregister_producer();
            return;
        }
        self.left -= 1;
        self.notes.write(transport, self.size);
    }

    fn pause_producing(&mut self, _: &Transport) {}

    fn stop_producing(&mut self, _: &Transport) {}
}

pub(crate) fn layer(kind: Kind) -> Box<dyn Layer> {
    match kind {
        Kind::Masked => Box::new(Masked::server()),
        Kind::Header => Box::new(Header::new()),
        Kind::Turned => Box::new(Plain { kind, block: Vec::new() }),
        Kind::Blocks => Box::new(Plain { kind, block: Vec::new() }),
        Kind::Beating => Box::new(Beating),
        Kind::Gone => Box::new(Plain { kind, block: Vec::new() }),
        Kind::Faulty => Box::new(Faulty { calls: Cell::new(0) }),
    }
}

/// A layer that says nothing of its own.
struct Plain {
    kind: Kind,
    block: Vec<u8>,
}

impl Layer for Plain {
    fn name(&self) -> &'static str {
        "plain"
    }

    fn received(&mut self, input: &mut [u8], up: &mut Vec<u8>, _: &mut Vec<u8>) -> Result<usize> {
        match self.kind {
            Kind::Turned => up.extend(input.iter().map(|byte| turned(*byte))),
            _ => up.extend_from_slice(input),
        }
        Ok(input.len())
    }

    fn send(&mut self, data: &[u8], down: &mut Vec<u8>) -> Result {
        match self.kind {
            Kind::Turned => down.extend(data.iter().map(|byte| turned(*byte))),
            _ => {
                self.block.extend_from_slice(data);
                if self.block.len() > 300 {
                    down.append(&mut self.block);
                }
            }
        }
        Ok(())
    }

    fn close(&mut self, _: LayerEnd, down: &mut Vec<u8>) {
        down.append(&mut self.block);
    }

    fn state(&self) -> LayerState {
        if self.kind == Kind::Gone { LayerState::Transparent } else { LayerState::Open }
    }
}

/// A layer that sends records, and an empty one when it has heard nothing for a while.
struct Beating;

impl Layer for Beating {
    fn name(&self) -> &'static str {
        "beating"
    }

    fn received(&mut self, input: &mut [u8], up: &mut Vec<u8>, _: &mut Vec<u8>) -> Result<usize> {
        up.extend_from_slice(input);
        Ok(input.len())
    }

    fn send(&mut self, data: &[u8], down: &mut Vec<u8>) -> Result {
        for piece in data.chunks(255) {
            down.push(u8::try_from(piece.len()).unwrap());
            down.extend_from_slice(piece);
        }
        Ok(())
    }

    fn heartbeat(&self) -> Option<Duration> {
        Some(PERIOD)
    }

    fn beat(&mut self, _: u32, down: &mut Vec<u8>) -> Result {
        down.push(0);
        Ok(())
    }

    fn state(&self) -> LayerState {
        LayerState::Open
    }
}

/// So short that the history's pauses are longer.
const PERIOD: Duration = Duration::from_millis(40);

/// A layer that fails, or panics, when it has been called some times.
struct Faulty {
    calls: Cell<usize>,
}

impl Faulty {
    fn called(&self, down: &mut Vec<u8>) -> Result {
        self.calls.set(self.calls.get() + 1);
        match self.calls.get() {
            20 => {
                down.extend_from_slice(b"!");
                Err("some day".into())
            }
            21.. => panic!("called after it has failed"),
            _ => Ok(()),
        }
    }
}

impl Layer for Faulty {
    fn name(&self) -> &'static str {
        "faulty"
    }

    fn received(&mut self, input: &mut [u8], up: &mut Vec<u8>, down: &mut Vec<u8>) -> Result<usize> {
        self.called(down)?;
        up.extend_from_slice(input);
        Ok(input.len())
    }

    fn send(&mut self, data: &[u8], down: &mut Vec<u8>) -> Result {
        self.called(down)?;
        down.extend_from_slice(data);
        Ok(())
    }

    // Its farewell is empty: one cannot fail.

    fn state(&self) -> LayerState {
        LayerState::Open
    }
}

/// Tells whether a layer was freed.
pub(crate) struct Counted {
    pub(crate) layer: Box<dyn Layer>,
    pub(crate) _token: Rc<()>,
}

impl Layer for Counted {
    fn name(&self) -> &'static str {
        self.layer.name()
    }

    fn begin(&mut self, down: &mut Vec<u8>) -> Result {
        self.layer.begin(down)
    }

    fn received(&mut self, input: &mut [u8], up: &mut Vec<u8>, down: &mut Vec<u8>) -> Result<usize> {
        self.layer.received(input, up, down)
    }

    fn send(&mut self, data: &[u8], down: &mut Vec<u8>) -> Result {
        self.layer.send(data, down)
    }

    fn close(&mut self, end: LayerEnd, down: &mut Vec<u8>) {
        self.layer.close(end, down);
    }

    fn heartbeat(&self) -> Option<Duration> {
        self.layer.heartbeat()
    }

    fn beat(&mut self, unanswered: u32, down: &mut Vec<u8>) -> Result {
        self.layer.beat(unanswered, down)
    }

    fn may_end(&self) -> bool {
        self.layer.may_end()
    }

    fn state(&self) -> LayerState {
        self.layer.state()
    }

    fn keepsake(&self) -> Option<Rc<dyn Any>> {
        self.layer.keepsake()
    }
}
