//! The layers of one connection: bytes rise through them to the protocol and sink through them to the wire.

use std::any::Any;
use std::rc::Rc;
use std::time::Duration;

use super::layer_problem::LayerProblem;
use super::opening::Opening;
use crate::{Address, Instant, Layer, LayerEnd, LayerState, LayerStop, Result};

/// How many bytes a layer may leave unused.
pub(super) const HELD_MAX: usize = 128 * 1024;

/// Input waits while more bytes than these wait which layers have said in answer to it, or a protocol before them: a peer that makes
/// them speak and does not listen must not fill the memory.
const ANSWERS_MAX: usize = 64 * 1024;

/// As little in the wire may go out together with what comes next: what a layer says in a handshake, or a short piece.
const WIRE_SMALL: usize = 4 * 1024;

/// The layers between the wire and the protocol. Does no input or output and calls no protocol.
#[derive(Default)]
pub(crate) struct Stack {
    /// From the wire up.
    slots: Vec<Slot>,
    /// Bytes on their way to the socket.
    wire: Vec<u8>,
    /// How many bytes of `wire` the socket has taken. Invariant: less than there are; zero if there are none.
    sent: usize,
    /// How many bytes of the protocol's output are in `wire`, or in layers that keep them until there are more.
    carried: usize,
    /// How many bytes of `wire` layers have said in answer to input, or the protocol where it had to pass before that.
    answers: usize,
    /// Layers that are done, until the connection has asked them what they have learnt.
    done: Vec<Box<dyn Layer>>,
    /// Since when, and how long, layers may be opening. Present while they are.
    opening: Option<(Instant, Duration)>,
    /// When something came from the wire last, or layers began, or nobody could be blamed for silence.
    heard: Instant,
    /// Present until the connection has its protocol.
    pub(super) connection: Option<Box<Opening>>,
    closed: bool,
    failed: bool,
    /// The connection is closing: layers that converse hear nothing more.
    input_over: bool,
}

/// What layers have learnt in opening.
#[derive(Default)]
pub(super) struct Learnt {
    pub(super) keepsakes: Vec<Rc<dyn Any>>,
    /// Of the peer and of the host, as the topmost layer that has learnt some says.
    pub(super) addresses: Option<(Address, Address)>,
}

struct Slot {
    layer: Box<dyn Layer>,
    /// What the layer has not used yet.
    held: Vec<u8>,
    /// Where in `held` that begins. Zero unless the layer has stopped.
    start: usize,
    /// Why the layer does not go on, if it could.
    stop: Option<LayerStop>,
    begun: bool,
    /// What the layer said when it was called last.
    state: LayerState,
    /// When the layer has beaten last, and how many times without an answer. Means nothing once something was heard since.
    beaten: Instant,
    beats: u32,
}

impl Slot {
    fn new(layer: Box<dyn Layer>) -> Self {
        Self {
            layer,
            held: Vec::new(),
            start: 0,
            stop: None,
            begun: false,
            state: LayerState::Opening,
            beaten: Instant::ZERO,
            beats: 0,
        }
    }

    /// When the layer is to beat if nothing comes until then.
    fn next_beat(&self, heard: Instant) -> Option<Instant> {
        let is_open = self.state == LayerState::Open;
        let period = is_open.then(|| self.layer.heartbeat()).flatten();
        // Without any time in between a layer would beat for ever.
        period.filter(|period| !period.is_zero()).map(|period| self.beaten.max(heard) + period)
    }
}

impl Stack {
    /// Puts a layer on top.
    pub(super) fn push(&mut self, layer: Box<dyn Layer>) {
        // Most connections have one layer or none.
        self.slots.reserve_exact(1);
        self.slots.push(Slot::new(layer));
    }

    /// Begins each layer whose turn has come.
    pub(super) fn begin(&mut self, now: Instant) -> Result {
        self.heard = now;
        let result = self.begin_next();
        self.note_opening(now);
        result
    }

    fn begin_next(&mut self) -> Result {
        let mut index = 0;
        while let Some(slot) = self.slots.get_mut(index) {
            if !slot.begun {
                slot.begun = true;
                self.lower(index, |layer, down| layer.begin(down))?;
            }
            match self.slots[index].state {
                LayerState::Opening => return Ok(()),
                LayerState::Transparent => self.take_out(index),
                LayerState::Open | LayerState::InputEnded => index += 1,
            }
        }
        Ok(())
    }

    /// Takes out a layer that is done. It holds nothing: what it did not use goes on without it.
    fn take_out(&mut self, index: usize) {
        self.done.push(self.slots.remove(index).layer);
    }

    /// Notes until when the layers have to be open.
    fn note_opening(&mut self, now: Instant) {
        let waiting = self.slots.iter().filter(|slot| slot.state == LayerState::Opening);
        if self.is_open() {
            self.opening = None;
        } else if self.opening.is_none() {
            let periods = waiting.map(|slot| slot.layer.handshake_timeout());
            self.opening = Some((now, periods.fold(Duration::ZERO, Duration::saturating_add)));
        }
    }

    /// When the layers have to be open, and how long they were given; `None` if they are.
    pub(super) fn deadline(&self) -> Option<(Instant, Duration)> {
        self.opening.map(|(since, period)| (since + period, period))
    }

    /// Whether bytes can pass through all layers.
    pub(super) fn is_open(&self) -> bool {
        self.slots.iter().all(|slot| slot.state != LayerState::Opening)
    }

    /// Whether a layer has failed: nothing passes any more, except what is in the wire.
    pub(super) fn has_failed(&self) -> bool {
        self.failed
    }

    /// No layer is left and nothing is on its way: the connection can do without the stack.
    pub(super) fn is_empty(&self) -> bool {
        self.slots.is_empty() && self.wire.is_empty() && self.connection.is_none()
    }

    /// The peer has ended its input within a layer.
    pub(super) fn input_ended(&self) -> bool {
        self.slots.iter().any(|slot| slot.state == LayerState::InputEnded)
    }

    /// The layers whose input ends if it ends now: those above the topmost one within which the peer has ended it, or all.
    fn unended(&self) -> &[Slot] {
        let ended = self.slots.iter().rposition(|slot| slot.state == LayerState::InputEnded);
        &self.slots[ended.map_or(0, |index| index + 1)..]
    }

    /// What input may not end within: the name of a layer that is opening.
    pub(super) fn name_of_opening(&self) -> Option<&'static str> {
        self.unended().iter().find(|slot| slot.state == LayerState::Opening).map(|slot| slot.layer.name())
    }

    /// Whether input may end here.
    pub(super) fn may_end(&self) -> bool {
        self.unended().iter().all(|slot| slot.layer.may_end())
    }

    /// The topmost layer of a type.
    pub(crate) fn find<L: Layer>(&self) -> Option<&L> {
        self.slots.iter().rev().find_map(|slot| {
            let layer: &dyn Any = &*slot.layer;
            layer.downcast_ref()
        })
    }

    /// Has the topmost layer of a type do something, and what it passes down sink through the layers below it; `None` if there
    /// is none, or if the layers are not open.
    pub(crate) fn tell<L: Layer, R>(
        &mut self,
        command: impl FnOnce(&mut L, &mut Vec<u8>) -> R,
    ) -> Result<Option<R>> {
        if self.failed || !self.is_open() {
            return Ok(None);
        }
        let is_sought = |slot: &Slot| (&*slot.layer as &dyn Any).is::<L>();
        let Some(index) = self.slots.iter().rposition(is_sought) else { return Ok(None) };
        let before = self.wire.len();
        let told = self.lower(index, |layer, down| {
            let layer: &mut dyn Any = layer;
            Ok(layer.downcast_mut().map(|layer| command(layer, down)))
        });
        // Most of what protocols have layers say is an answer to something.
        self.answers += self.wire.len().saturating_sub(before);
        told
    }

    /// What the layers have learnt in opening. Lets go of those that are done.
    pub(super) fn learnt(&mut self) -> Learnt {
        let done = std::mem::take(&mut self.done);
        let all = || done.iter().chain(self.slots.iter().map(|slot| &slot.layer));
        let keepsakes = all().filter_map(|layer| layer.keepsake()).collect();
        Learnt { keepsakes, addresses: all().rev().find_map(|layer| layer.addresses()) }
    }

    /// How many bytes the lowest layer holds, if a buffer of `size` has room for them and as many again.
    pub(super) fn held(&self, size: usize) -> usize {
        self.slots.first().map(|slot| slot.held.len()).filter(|held| *held <= size / 2).unwrap_or(0)
    }

    /// Moves what the lowest layer holds to the beginning of `buffer`, where [`held`](Self::held) has found room for it.
    pub(super) fn move_held(&mut self, buffer: &mut [u8]) {
        if let Some(slot) = self.slots.first_mut() {
            buffer.copy_from_slice(&slot.held);
            slot.held.clear();
        }
    }

    /// Bytes have come from the wire; those for the protocol are appended to `up`. After a failure they are nobody's.
    pub(super) fn receive(&mut self, input: &mut [u8], up: &mut Vec<u8>, now: Instant) -> Result {
        if self.failed {
            return Ok(());
        }
        self.heard = now;
        let before = self.wire.len();
        let result = self.rise(0, input, up);
        self.answers += self.wire.len().saturating_sub(before);
        self.note_opening(now);
        result
    }

    /// Passes `input` to the layer at `index` and on to those above it.
    fn rise(&mut self, index: usize, input: &mut [u8], up: &mut Vec<u8>) -> Result {
        let Some(slot) = self.slots.get_mut(index) else {
            up.extend_from_slice(input);
            return Ok(());
        };
        if self.input_over && slot.layer.converses() {
            return Ok(());
        }
        if slot.stop.is_some() {
            slot.held.extend_from_slice(input);
            return Ok(());
        }
        if !slot.held.is_empty() {
            slot.held.extend_from_slice(input);
            return self.rise_held(index, up);
        }
        let Some(used) = self.hear(index, input, up)? else { return Ok(()) };
        let rest = &input[used..];
        self.hold(index, rest.len())?;
        self.slots[index].held.extend_from_slice(rest);
        Ok(())
    }

    /// Passes what the layer at `index` holds to it, and on.
    fn rise_held(&mut self, index: usize, up: &mut Vec<u8>) -> Result {
        let slot = &mut self.slots[index];
        let (mut held, start) = (std::mem::take(&mut slot.held), std::mem::take(&mut slot.start));
        let Some(used) = self.hear(index, &mut held[start..], up)? else { return Ok(()) };
        let start = start + used;
        self.hold(index, held.len() - start)?;
        let slot = &mut self.slots[index];
        if start == held.len() {
            return Ok(());
        }
        if slot.stop.is_some() {
            // It will go on at once, most likely: nothing is moved.
            slot.start = start;
        } else {
            held.drain(..start);
        }
        slot.held = held;
        Ok(())
    }

    /// Has the layer at `index` and those above it hear `input`. Returns how much of it is used up, or none if that is the
    /// layer's business no more.
    fn hear(&mut self, index: usize, input: &mut [u8], up: &mut Vec<u8>) -> Result<Option<usize>> {
        if self.slots[index].state == LayerState::InputEnded {
            return Ok(None);
        }
        let is_top = index + 1 == self.slots.len();
        let mut between = Vec::new();
        let used = self.lower(index, |layer, down| {
            layer.received(input, if is_top { up } else { &mut between }, down)
        })?;
        let is_done = self.slots[index].state == LayerState::Transparent;
        if is_done {
            self.take_out(index);
        } else {
            let slot = &mut self.slots[index];
            let stop = if slot.layer.converses() { slot.layer.take_stop() } else { None };
            // Where nothing is left there is nothing to go on with.
            slot.stop = stop.filter(|stop| used < input.len() || matches!(stop, LayerStop::Event(_)));
        }
        self.begin_next()?;
        let above = if is_done { index } else { index + 1 };
        if !between.is_empty() {
            self.rise(above, &mut between, up)?;
        }
        if is_done {
            if used < input.len() {
                self.rise(above, &mut input[used..], up)?;
            }
            return Ok(None);
        }
        Ok(Some(used))
    }

    /// A layer is about to keep `bytes` that it has not used.
    fn hold(&self, index: usize, bytes: usize) -> Result {
        let slot = &self.slots[index];
        if bytes > HELD_MAX && slot.stop.is_none() {
            return Err(LayerProblem::HoldsTooMuch { layer: slot.layer.name(), bytes }.into());
        }
        Ok(())
    }

    /// Whether input has come whose meaning depends on more.
    pub(super) fn holds_input(&self) -> bool {
        self.slots.iter().any(|slot| !slot.held.is_empty())
    }

    /// Whether some of what is on its way to the socket is the protocol's.
    pub(super) fn carries_output(&self) -> bool {
        self.carried > 0
    }

    /// Whether a layer has stopped, and is to go on when what it has passed up is delivered.
    pub(super) fn is_stopped(&self) -> bool {
        !self.failed && !self.input_over && self.slots.iter().any(|slot| slot.stop.is_some())
    }

    /// Whether the peer can tell by what layers say when they close that it was cut off.
    pub(super) fn tells_cut_off(&self) -> bool {
        self.slots.iter().any(|slot| slot.layer.tells_cut_off())
    }

    /// Whether what layers answer must not overtake the protocol's output.
    pub(super) fn converses(&self) -> bool {
        self.slots.iter().any(|slot| slot.layer.converses())
    }

    /// No input is delivered any more. Returns the events that nobody hears.
    pub(super) fn end_input(&mut self) -> Vec<LayerStop> {
        self.input_over = true;
        let stopped = self.slots.iter_mut().filter(|slot| slot.stop.is_some());
        let stops = stopped.filter_map(|slot| {
            (slot.held, slot.start) = (Vec::new(), 0);
            slot.stop.take()
        });
        stops.collect()
    }

    /// Goes on where a layer has stopped, the topmost first, until there is something for the protocol: an event, which is
    /// returned, or bytes, which are appended to `up`.
    pub(super) fn go_on(&mut self, up: &mut Vec<u8>, now: Instant) -> Result<Option<Box<dyn Any>>> {
        let before = self.wire.len();
        let result = self.go_on_from_stops(up);
        self.answers += self.wire.len().saturating_sub(before);
        self.note_opening(now);
        result
    }

    fn go_on_from_stops(&mut self, up: &mut Vec<u8>) -> Result<Option<Box<dyn Any>>> {
        while up.is_empty() && !self.is_above_mark() {
            let Some(index) = self.slots.iter().rposition(|slot| slot.stop.is_some()) else { break };
            let slot = &mut self.slots[index];
            if let Some(LayerStop::Event(event)) = slot.stop.take() {
                slot.stop = (!slot.held.is_empty()).then_some(LayerStop::Deliver);
                return Ok(Some(event));
            }
            self.rise_held(index, up)?;
        }
        Ok(None)
    }

    /// When the next layer is to beat if nothing comes until then.
    pub(super) fn next_beat(&self) -> Option<Instant> {
        if self.failed || !self.is_open() {
            return None;
        }
        self.slots.iter().filter_map(|slot| slot.next_beat(self.heard)).min()
    }

    /// Has the layers beat whose time has come.
    pub(super) fn beat(&mut self, now: Instant) -> Result {
        for index in 0..self.slots.len() {
            let slot = &mut self.slots[index];
            if slot.next_beat(self.heard).is_some_and(|beat| beat <= now) {
                let unanswered = if slot.beaten > self.heard { slot.beats } else { 0 };
                (slot.beaten, slot.beats) = (now, unanswered.saturating_add(1));
                self.lower(index, |layer, down| layer.beat(unanswered, down))?;
            }
        }
        Ok(())
    }

    /// The peer is not to be blamed for its silence: the time for the next beats begins anew.
    pub(super) fn excuse_silence(&mut self, now: Instant) {
        self.heard = now;
    }

    /// Passes output of the protocol down to the wire.
    pub(super) fn send(&mut self, data: &[u8]) -> Result {
        self.carried += data.len();
        match self.slots.len().checked_sub(1) {
            Some(top) => self.lower(top, |layer, down| layer.send(data, down)),
            None => {
                self.wire.extend_from_slice(data);
                Ok(())
            }
        }
    }

    /// Has each layer say that this side will send nothing more, and why. Does nothing a second time, or while layers are
    /// opening, or after a failure.
    pub(super) fn close(&mut self, end: LayerEnd) -> Result {
        if self.closed || self.failed || !self.is_open() {
            return Ok(());
        }
        self.closed = true;
        for index in (0..self.slots.len()).rev() {
            self.lower(index, |layer, down| {
                layer.close(end, down);
                Ok(())
            })?;
        }
        Ok(())
    }

    /// Calls the layer at `index`, and has what it passes down sink through the layers below it, even if it fails.
    fn lower<R>(
        &mut self,
        index: usize,
        call: impl FnOnce(&mut dyn Layer, &mut Vec<u8>) -> Result<R>,
    ) -> Result<R> {
        let slot = &mut self.slots[index];
        if index == 0 {
            let result = call(&mut *slot.layer, &mut self.wire);
            slot.state = slot.layer.state();
            return result;
        }
        let mut down = Vec::new();
        let result = call(&mut *slot.layer, &mut down);
        slot.state = slot.layer.state();
        let sunk = self.sink(index, down);
        result.and_then(|value| sunk.map(|()| value))
    }

    /// Passes `data` down through the layers below `index`.
    fn sink(&mut self, index: usize, mut data: Vec<u8>) -> Result {
        for slot in self.slots[..index].iter_mut().rev() {
            if data.is_empty() {
                return Ok(());
            }
            let mut down = Vec::new();
            slot.layer.send(&data, &mut down)?;
            data = down;
        }
        self.wire.extend_from_slice(&data);
        Ok(())
    }

    /// The bytes for the socket.
    pub(crate) fn wire(&self) -> &[u8] {
        // A layer may have taken away what is not its own.
        self.wire.get(self.sent..).unwrap_or_default()
    }

    /// So many bytes that were passed down were answers of the protocol.
    pub(super) fn note_answers(&mut self, bytes: usize) {
        self.answers += bytes;
    }

    /// Whether so much of what layers have answered waits that they are not to be asked more.
    pub(super) fn is_above_mark(&self) -> bool {
        self.answers > ANSWERS_MAX
    }

    /// The socket takes no more: what is on its way to it is thrown away.
    pub(super) fn discard_wire(&mut self) {
        self.wire.clear();
        self.advance(0);
    }

    /// Whether more bytes for the socket can be made, to go out with those that a layer has said.
    pub(super) fn has_room(&self) -> bool {
        self.sent == 0 && self.wire.len() < WIRE_SMALL
    }

    /// Gives the stack memory for bytes to the socket, if it has none. Returns what it does not need.
    pub(super) fn lend(&mut self, memory: Vec<u8>) -> Vec<u8> {
        if self.wire.capacity() == 0 { std::mem::replace(&mut self.wire, memory) } else { memory }
    }

    /// Takes that memory back, if nothing is in it.
    pub(super) fn reclaim(&mut self) -> Option<Vec<u8>> {
        self.wire.is_empty().then(|| std::mem::take(&mut self.wire))
    }

    /// The socket has taken `count` bytes. Returns how many bytes of the protocol's output thereby wait no longer.
    pub(super) fn advance(&mut self, count: usize) -> usize {
        self.sent += count;
        if self.sent < self.wire.len() {
            return 0;
        }
        self.wire.clear();
        (self.sent, self.answers) = (0, 0);
        std::mem::take(&mut self.carried)
    }

    /// A layer has failed: the protocol's output is not sent any more, but what a layer has said is.
    pub(super) fn fail(&mut self) {
        self.failed = true;
        self.carried = 0;
        self.opening = None;
    }
}
