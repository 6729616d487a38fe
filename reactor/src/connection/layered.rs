//! Connections with layers: what the loop does for them besides. The layers themselves are in the stack.

use std::io::{self, IoSlice};

use super::Connection;
use super::layer_problem::LayerProblem;
use super::lifecycle::{Event, State};
use super::opening::Opening;
use super::stack::{Learnt, Stack};
use crate::event_loop::callbacks::{Watch, catch};
use crate::transport::shared::{
    CARRYING, CUT_OFF, DISMISSED, FAILED, HANDSHAKING, HAS_PRODUCER, HOLDS_INPUT, INSERTING, LAYERED,
    LAYERS_ANSWER, Rare, Shared,
};
use crate::{InputBeforeLayer, Instant, Layer, LayerEnd, Reason, Result};

/// How much of the protocol's output passes through the layers at once.
const PIECE_SIZE: usize = 64 * 1024;

/// A layer on its way into the stack.
pub(crate) struct Insertion {
    pub(crate) layer: Box<dyn Layer>,
    /// How many bytes of the waiting output go out without the layer.
    pub(crate) before: usize,
}

impl Connection {
    /// Puts `layers` under a connection that stands; it gets its protocol once they are open.
    pub(crate) fn open_layers(&mut self, watch: &mut Watch, layers: Vec<Box<dyn Layer>>, opening: Opening) {
        let mut stack = Box::<Stack>::default();
        stack.connection = Some(Box::new(opening));
        layers.into_iter().for_each(|layer| stack.push(layer));
        self.shared().put_layers(stack);
        self.shared().set(HANDSHAKING, true);
        let result = self.with_stack(|stack, shared| stack.begin(shared.now()));
        self.settle_layers(watch, Vec::new(), result);
    }

    /// How many bytes before what is read next the lowest layer needs in a buffer of `size`.
    pub(super) fn held_by_layers(&self, size: usize) -> usize {
        self.shared().with_layers(|stack| stack.held(size)).unwrap_or(0)
    }

    /// Passes what was read up through the layers. The first `held` bytes of `buffer` are room for what the lowest holds.
    pub(super) fn receive(&mut self, watch: &mut Watch, buffer: &mut [u8], held: usize) {
        self.end_input_of_layers();
        let mut up = self.shared().reactor.core().scratch.take();
        let result = self.with_stack(|stack, shared| {
            if held > 0 {
                stack.move_held(&mut buffer[..held]);
            }
            pass_in_order(stack, shared)?;
            stack.receive(buffer, &mut up, shared.now())
        });
        if !up.is_empty() || self.shared().with_layers(|stack| stack.holds_input()) == Some(true) {
            self.deadlines.activity(self.shared().now());
        }
        self.settle_layers(watch, up, result);
    }

    /// Lets the stack work. A panic is its error.
    fn with_stack(&self, work: impl FnOnce(&mut Stack, &Shared) -> Result) -> Result {
        let shared = self.shared();
        let result = shared.with_layers(|stack| catch(|| work(stack, shared)));
        match result {
            Some(Err(message)) => self.layer_panicked(message),
            Some(Ok(result)) => result,
            None => Ok(()),
        }
    }

    fn layer_panicked(&self, message: String) -> Result {
        let shared = self.shared();
        let what = format!("connection {} with {}: a layer", shared.id, shared.peer);
        shared.reactor.core().report_panic(&what, &message);
        Err(LayerProblem::Panicked(message).into())
    }

    /// Does what the stack's work has brought about: `up` is for the protocol.
    fn settle_layers(&mut self, watch: &mut Watch, up: Vec<u8>, result: Result) {
        self.note_wire();
        if self.shared().has(CARRYING | HANDSHAKING) {
            self.shared().ask_attention();
        }
        if result.is_ok() && self.shared().with_layers(|stack| stack.is_open()) == Some(true) {
            self.layers_opened(watch);
        }
        self.deliver_upwards(watch, up);
        if let Err(error) = result {
            self.fail_layers(Reason::Layer(error));
        } else {
            self.settle_stops(watch);
            self.settle_end_of_layers(watch);
        }
    }

    /// When a layer is to beat if nothing comes until then.
    pub(super) fn next_beat(&self) -> Option<Instant> {
        if !self.shared().has(LAYERED) || self.shared().state() != State::Open {
            return None;
        }
        self.shared().with_layers(|stack| stack.next_beat()).flatten()
    }

    /// Has layers beat whose peer has been silent for their time, unless it may have said something, or cannot hear.
    pub(super) fn settle_heartbeats(&self) {
        let now = self.shared().now();
        if self.next_beat().is_none_or(|beat| beat > now) {
            return;
        }
        let is_excused = self.readable || self.is_stopped_in_layers() || self.shared().has_output();
        let result = self.with_stack(|stack, _| {
            if is_excused {
                stack.excuse_silence(now);
                return Ok(());
            }
            stack.beat(now)
        });
        self.note_wire();
        self.shared().ask_attention();
        if let Err(error) = result {
            self.fail_layers(Reason::Layer(error));
        }
    }

    /// Whether layers have told the peer themselves that what it has got is not all.
    pub(super) fn tells_cut_off_in_layers(&self) -> bool {
        self.shared().has(LAYERED) && self.shared().with_layers(|stack| stack.tells_cut_off()) == Some(true)
    }

    /// Whether a layer has more input that it will not hear before the protocol has heard what there is.
    pub(super) fn is_stopped_in_layers(&self) -> bool {
        self.shared().has(LAYERED) && self.shared().with_layers(|stack| stack.is_stopped()) == Some(true)
    }

    /// Tells layers that converse that the conversation is over, if it is.
    fn end_input_of_layers(&self) {
        let state = self.shared().state();
        if state.delivers_input() || state == State::Opening {
            return;
        }
        let unheard = self.shared().with_layers(Stack::end_input);
        self.shared().reactor.core().run_guarded("an event's destructor", || drop(unheard));
    }

    /// Has layers that have stopped go on, as far as input may be delivered.
    pub(super) fn settle_stops(&mut self, watch: &mut Watch) {
        if self.is_stopped_in_layers() {
            self.end_input_of_layers();
        }
        while self.is_stopped_in_layers() && self.may_go_on_in_layers() {
            let mut up = self.shared().reactor.core().scratch.take();
            let mut event = None;
            let result = self.with_stack(|stack, shared| {
                pass_in_order(stack, shared)?;
                event = stack.go_on(&mut up, shared.now())?;
                Ok(())
            });
            self.note_wire();
            self.shared().ask_attention();
            if let Some(event) = event {
                self.event_received(watch, event);
            }
            self.deliver_upwards(watch, up);
            if let Err(error) = result {
                return self.fail_layers(Reason::Layer(error));
            }
        }
    }

    /// Whether what layers pass up would reach the protocol, and nothing is to reach it before.
    fn may_go_on_in_layers(&self) -> bool {
        self.transport.delivers_input() && !self.input_held && !self.shared().has(HOLDS_INPUT | LAYERS_ANSWER)
    }

    /// Notes whether bytes wait for the socket, and whether reading is to wait for them.
    fn note_wire(&self) {
        let sends = self.sends_wire();
        let wire = self.shared().with_layers(|stack| {
            if !sends {
                stack.discard_wire();
            }
            (!stack.wire().is_empty(), stack.is_above_mark())
        });
        let (waits, is_above_mark) = wire.unwrap_or_default();
        self.shared().set(CARRYING, waits);
        self.shared().set(LAYERS_ANSWER, is_above_mark);
    }

    /// Whether what layers say can still be sent.
    fn sends_wire(&self) -> bool {
        self.shared().state().flushes() || self.shared().state() == State::Opening
    }

    /// The connection gets its protocol, or the protocol hears that the layers inserted since are open.
    fn layers_opened(&mut self, watch: &mut Watch) {
        if !self.shared().has(HANDSHAKING) {
            return;
        }
        self.shared().set(HANDSHAKING, false);
        if let Err(error) = self.learn() {
            return self.fail_layers(Reason::Layer(error));
        }
        // Output waits for this.
        self.shared().ask_attention();
        if self.shared().state() == State::Opening {
            self.build(watch);
        } else if !self.shared().state().is_ending() {
            self.inform(watch, "layer_opened", |protocol, transport| protocol.layer_opened(transport));
        }
    }

    /// Takes over what layers have learnt in opening.
    fn learn(&mut self) -> Result {
        let mut learnt = Learnt::default();
        self.with_stack(|stack, _| {
            learnt = stack.learnt();
            Ok(())
        })?;
        for keepsake in learnt.keepsakes {
            self.transport.keep(keepsake);
        }
        if self.shared().state() == State::Opening {
            if let Some((peer, host)) = learnt.addresses {
                self.transport.replace_addresses(peer, host);
            }
        }
        Ok(())
    }

    /// Delivers what came through the layers, or keeps it until it may be delivered. Gives the memory back.
    fn deliver_upwards(&mut self, watch: &mut Watch, mut up: Vec<u8>) {
        if !up.is_empty() && self.transport.delivers_input() {
            self.deliver(watch, &up);
        } else if !up.is_empty() && self.shared().state().delivers_input() {
            self.hold_leftover(std::mem::take(&mut up));
            self.input_held = true;
            self.shared().ask_attention();
        }
        up.clear();
        self.shared().reactor.core().keep_scratch(up);
    }

    /// Notices the end of input within the layers, once all input before it is delivered.
    pub(super) fn settle_end_of_layers(&mut self, watch: &mut Watch) {
        if self.input_held || self.shared().has(HOLDS_INPUT) || self.is_stopped_in_layers() {
            return;
        }
        let has_ended = self.shared().with_layers(|stack| stack.input_ended()) == Some(true);
        if has_ended && self.transport.delivers_input() && self.may_end() {
            self.input_ended(watch);
        }
    }

    /// The input of the socket, or of a layer, is over. Returns whether it may be.
    pub(super) fn may_end(&self) -> bool {
        let shared = self.shared();
        if !shared.state().delivers_input() && shared.state() != State::Opening {
            return true;
        }
        let mut may_end = true;
        let asked = self.with_stack(|stack, _| match stack.name_of_opening() {
            Some(layer) => Err(LayerProblem::CutOff(layer).into()),
            None => {
                may_end = stack.may_end();
                Ok(())
            }
        });
        let problem =
            asked.map_err(Reason::Layer).and_then(|()| may_end.then_some(()).ok_or(Reason::Truncated));
        let may_end = problem.is_ok();
        problem.err().into_iter().for_each(|reason| shared.end_with(reason, Event::ReadFailed));
        may_end
    }

    /// A layer has failed: what it has said last is still sent, what the protocol has written is not.
    fn fail_layers(&self, reason: Reason) {
        self.shared().with_layers(Stack::fail);
        self.shared().set(HANDSHAKING, false);
        self.shared().end_with(reason, Event::LoseConnection);
        self.shared().discard_output();
        self.note_wire();
        self.shared().ask_attention();
    }

    /// Puts the layers in place that handles have inserted.
    pub(super) fn settle_insertions(&mut self, watch: &mut Watch) {
        if !self.shared().has(INSERTING) {
            return;
        }
        self.shared().set(INSERTING, false);
        let insertions = self.shared().take_rare(|rare| std::mem::take(&mut rare.insertions));
        let has_failed = self.shared().with_layers(|stack| stack.has_failed()) == Some(true);
        if has_failed || !self.shared().state().flushes() {
            self.shared().reactor.core().run_guarded("a layer's destructor", || drop(insertions));
            return;
        }
        if !self.shared().has(LAYERED) {
            self.shared().put_layers(Box::default());
        }
        self.shared().set(HANDSHAKING, true);
        let is_stopped = self.is_stopped_in_layers();
        let result = self.with_stack(|stack, shared| insert(stack, shared, insertions));
        if !self.shared().state().is_ending() && is_stopped {
            self.failed("insert_layer", InputBeforeLayer.into());
            self.discard_behind_insertion();
        } else if !self.shared().state().is_ending() {
            self.refuse_input_before_layer(watch);
        }
        self.settle_layers(watch, Vec::new(), result);
    }

    /// Input that came before a layer must not pass for input that came through it.
    fn refuse_input_before_layer(&mut self, watch: &mut Watch) {
        let leftover = self.shared().take_rare(|rare| std::mem::take(&mut rare.leftover));
        if leftover.is_empty() {
            self.call_once(watch, "layer_inserted", |protocol, transport| protocol.layer_inserted(transport));
        }
        let is_left =
            |rare: &mut Rare| rare.successor.as_ref().is_some_and(|(_, leftover)| !leftover.is_empty());
        if !leftover.is_empty() || self.shared().take_rare(is_left) {
            self.failed("insert_layer", InputBeforeLayer.into());
        } else {
            self.settle_successor(watch);
        }
        if self.shared().state().is_ending() && self.shared().has_reason() {
            self.discard_behind_insertion();
        }
    }

    /// What was written behind the layer's place must not go out without it.
    fn discard_behind_insertion(&self) {
        self.shared().with_layers(Stack::fail);
        self.shared().set(HANDSHAKING, false);
        self.shared().discard_output();
    }

    /// Hands waiting output to the socket by way of the layers. Returns how many bytes that were.
    pub(super) fn flush_layers(&mut self, mut budget: usize) -> usize {
        let Some(mut stack) = self.shared().take_layers() else {
            return 0;
        };
        let limit = budget;
        let core = self.shared().reactor.clone();
        core.core().keep_scratch(stack.lend(core.core().scratch.take()));
        let mut failure = None;
        while self.writable && self.sends_wire() {
            if stack.has_room() {
                let filled = catch(|| fill(&mut stack, self.shared()));
                if let Err(error) = filled.unwrap_or_else(|message| self.layer_panicked(message)) {
                    stack.fail();
                    failure = Some(error);
                }
            }
            if stack.wire().is_empty() {
                // Layers may keep output to themselves.
                self.shared().output_sent(stack.advance(0));
                break;
            }
            if budget == 0 {
                self.flush_later();
                break;
            }
            budget -= self.write_wire(&mut stack, budget);
        }
        stack.reclaim().into_iter().for_each(|memory| core.core().keep_scratch(memory));
        self.put_back(stack);
        self.note_wire();
        if let Some(error) = failure {
            self.fail_layers(Reason::Layer(error));
        }
        limit - budget
    }

    /// Makes one write and returns how many bytes it took.
    fn write_wire(&mut self, stack: &mut Stack, limit: usize) -> usize {
        let wire = stack.wire();
        let offered = wire.len().min(limit);
        match self.stream.write(&[IoSlice::new(&wire[..offered])]) {
            Ok(0) => self.hang_up(io::ErrorKind::WriteZero.into()),
            Ok(taken) => {
                self.note_written(taken, offered);
                if stack.carries_output() {
                    self.deadlines.activity(self.shared().now());
                }
                let sent = stack.advance(taken);
                self.shared().output_sent(sent);
                return taken;
            }
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => self.writable = false,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => self.hang_up(error),
        }
        0
    }

    /// Puts the stack back, unless it is done: then the connection goes on as one that never had layers.
    fn put_back(&self, stack: Box<Stack>) {
        if !stack.is_empty() {
            self.shared().put_layers(stack);
            return;
        }
        self.shared().set(LAYERED, false);
        self.shared().reactor.core().run_guarded("a layer's destructor", || drop(stack));
    }
}

/// Passes all waiting output through the layers, and that there is no more if so, if one of them is to say nothing before it.
fn pass_in_order(stack: &mut Stack, shared: &Shared) -> Result {
    if !stack.converses() {
        return Ok(());
    }
    let answers = shared.answers();
    pass_output(stack, shared)?;
    stack.note_answers(answers - shared.answers());
    let is_all = shared.state() == State::Finishing && !shared.has(HAS_PRODUCER | INSERTING);
    if is_all { stack.close(end(shared)) } else { Ok(()) }
}

/// Why this side sends nothing more.
fn end(shared: &Shared) -> LayerEnd {
    if shared.has(CUT_OFF) {
        LayerEnd::CutOff
    } else if shared.has(FAILED) {
        LayerEnd::Failed
    } else if shared.has(DISMISSED) {
        LayerEnd::Dismissed
    } else {
        LayerEnd::Finished
    }
}

/// Passes all waiting output through the layers, if they are open and none is to be put in between.
pub(crate) fn pass_output(stack: &mut Stack, shared: &Shared) -> Result {
    while stack.is_open() && !stack.has_failed() && shared.state().flushes() && !shared.has(INSERTING) {
        let Some(piece) = shared.take_output(PIECE_SIZE) else { break };
        let result = stack.send(piece.bytes());
        shared.give_back_output(piece);
        result?;
    }
    Ok(())
}

/// Passes the next of the protocol's output through the layers, if they are open; after the last, their farewells.
fn fill(stack: &mut Stack, shared: &Shared) -> Result {
    if stack.has_failed() {
        return Ok(());
    }
    while stack.has_room() && stack.is_open() && shared.state().flushes() {
        let Some(piece) = shared.take_output(PIECE_SIZE) else { break };
        let result = stack.send(piece.bytes());
        shared.give_back_output(piece);
        result?;
    }
    let closes = matches!(shared.state(), State::Finishing | State::Closing | State::ClosingAlone);
    // Dismissed without closing: the reactor stops.
    if (closes || shared.has(DISMISSED)) && stack.wire().is_empty() && !shared.has(HAS_PRODUCER) {
        return stack.close(end(shared));
    }
    Ok(())
}

/// Puts layers on top of the stack, each behind the output that was written before it.
fn insert(stack: &mut Stack, shared: &Shared, insertions: Vec<Insertion>) -> Result {
    let mut passed = 0;
    for Insertion { layer, before } in insertions {
        while passed < before {
            if !stack.is_open() {
                return Err(LayerProblem::InsertedTooEarly.into());
            }
            let Some(piece) = shared.take_output((before - passed).min(PIECE_SIZE)) else { break };
            passed += piece.bytes().len();
            let result = stack.send(piece.bytes());
            shared.give_back_output(piece);
            result?;
        }
        stack.push(layer);
        stack.begin(shared.now())?;
    }
    Ok(())
}
