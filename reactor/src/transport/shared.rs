//! The half of a connection that handles share with the loop: leaf state that calls nobody.

use std::any::Any;
use std::cell::{Cell, RefCell};
use std::collections::BTreeSet;
use std::io;
use std::rc::Rc;
use std::time::Duration;

use crate::connection::layered::Insertion;
use crate::connection::lifecycle::{self, Actions, Event, State};
use crate::connection::stack::Stack;
use crate::core::Core;
use crate::deferred::Resolver;
use crate::producer::Registration;
use crate::rate::{Direction, Rates, Share};
use crate::timers::TimerId;
use crate::transport::output::{Output, Piece, Writing};
use crate::{
    Address, Bytes, ConnectionId, Instant, Limits, Protocol, ReactorHandle, Reason, Timeout, Transport,
};

/// The shared half of one connection.
pub(crate) struct Shared {
    pub(crate) reactor: ReactorHandle,
    pub(crate) id: ConnectionId,
    pub(crate) peer: Address,
    pub(crate) host: Address,
    state: Cell<State>,
    /// What steps of the lifecycle have asked for and the loop has not done yet.
    actions: Cell<Actions>,
    flags: Cell<u32>,
    /// Output not yet sent, or at the end never sent.
    buffered: Cell<usize>,
    /// After so long without traffic the connection is closed.
    pub(crate) idle_timeout: Cell<Option<Duration>>,
    /// Invariant: present exactly while bytes wait to be sent.
    output: RefCell<Option<Box<Output>>>,
    /// What is between the wire and the protocol. Absent also while it is at work.
    layers: Cell<Option<Box<Stack>>>,
    rare: RefCell<Option<Box<Rare>>>,
    /// What the peer is told when somebody else than the protocol closes the connection. Not rare where there is one.
    pub(super) farewell: Cell<Option<Box<Bytes>>>,
}

/// What one system call did with the output.
#[derive(Clone, Copy, Default)]
pub(crate) struct Sent {
    pub(crate) taken: usize,
    pub(crate) offered: usize,
}

/// State that few connections have.
#[derive(Default)]
pub(crate) struct Rare {
    /// Why the connection is ending, when it is not simply closed.
    pub(crate) reason: Option<Reason>,
    /// The log has the error that is the reason.
    pub(crate) error_is_logged: bool,
    /// The protocol to go on with after the running callback, and the bytes it begins with.
    pub(crate) successor: Option<(Box<dyn Protocol>, Vec<u8>)>,
    /// What a protocol left to its successor and could not be delivered yet.
    pub(crate) leftover: Vec<u8>,
    /// A producer on its way to the loop.
    pub(crate) registration: Option<Registration>,
    /// Invariant: no timer in here has fired or been cancelled.
    pub(crate) timers: BTreeSet<TimerId>,
    /// When the whole connection is to end, and how long that was when it was set.
    pub(crate) deadline: Option<(TimerId, Duration)>,
    pub(crate) rates: Rates,
    /// Connections that read on when this one's output has drained.
    pub(crate) waiting_for_room: Vec<Transport>,
    /// Those who wait for its output to drain.
    pub(crate) waiting_for_drain: Vec<Resolver<()>>,
    /// `None` means the reactor's defaults at the time of asking.
    pub(crate) limits: Option<Limits>,
    pub(crate) options: Options,
    /// Layers on their way into the stack.
    pub(crate) insertions: Vec<Insertion>,
    /// What is kept for the protocol.
    pub(crate) keepsakes: Vec<Rc<dyn Any>>,
    /// The addresses of peer and host as the socket has them, where a layer has put others in their place.
    pub(crate) socket: Option<Box<(Address, Address)>>,
    /// Those who wait for the connection's end.
    pub(crate) waiting_for_loss: Vec<Resolver<Option<Rc<Reason>>>>,
}

impl Rare {
    fn is_empty(&self) -> bool {
        let Self { reason, error_is_logged, successor, leftover, registration, timers, .. } = self;
        let Self { deadline, rates, waiting_for_room, waiting_for_drain, limits, options, .. } = self;
        let Self { insertions, keepsakes, socket, waiting_for_loss, .. } = self;
        let begins = successor.is_none() && leftover.is_empty() && insertions.is_empty() && socket.is_none();
        let ends = reason.is_none() && !error_is_logged && waiting_for_loss.is_empty();
        let flows = registration.is_none() && waiting_for_room.is_empty() && waiting_for_drain.is_empty();
        let is_set = limits.is_some() || options.is_some() || rates.is_limited() || deadline.is_some();
        begins && ends && flows && !is_set && timers.is_empty() && keepsakes.is_empty()
    }
}

/// Empty ones for reuse, so that a protocol may set and cancel its only timer for each message and allocate nothing.
#[derive(Default)]
#[expect(clippy::vec_box, reason = "the box is what is handed out")]
pub(crate) struct SpareRares(RefCell<Vec<Box<Rare>>>);

impl SpareRares {
    /// No more than these are kept, some 10 KB.
    const COUNT_MAX: usize = 16;

    fn take(&self) -> Box<Rare> {
        self.0.borrow_mut().pop().unwrap_or_default()
    }

    /// Takes back what is empty. The memory of its timers is kept with it, and none else.
    fn give_back(&self, mut rare: Box<Rare>) {
        let mut kept = self.0.borrow_mut();
        if kept.len() < Self::COUNT_MAX {
            *rare = Rare { timers: std::mem::take(&mut rare.timers), ..Rare::default() };
            kept.push(rare);
        }
    }
}

/// Socket options on their way to the loop.
#[derive(Clone, Copy, Default)]
pub(crate) struct Options {
    pub(crate) nodelay: Option<bool>,
    pub(crate) keepalive: Option<Option<Duration>>,
}

impl Options {
    const fn is_some(&self) -> bool {
        self.nodelay.is_some() || self.keepalive.is_some()
    }
}

/// The user paused reading.
pub(crate) const READING_PAUSED: u32 = 1;
/// Output went above the high-water mark and has not drained since.
pub(crate) const ABOVE_MARK: u32 = 1 << 1;
/// Answers to the connection's own input went above the high-water mark and have not drained since.
const ANSWERS_WAIT: u32 = 1 << 2;
/// The protocol is being given input: what it writes are answers.
pub(crate) const HEARING: u32 = 1 << 3;
/// A producer is registered.
pub(crate) const HAS_PRODUCER: u32 = 1 << 4;
/// The connection is in the list of those that need the loop's attention.
const IN_ATTENTION: u32 = 1 << 5;
/// A protocol waits to take over.
pub(crate) const SWITCHING: u32 = 1 << 6;
/// The protocol holds input that it could be delivering.
pub(crate) const HOLDS_INPUT: u32 = 1 << 7;
/// The period of the idle timeout begins anew.
pub(crate) const IDLE_RESTARTED: u32 = 1 << 8;
/// The connection belongs to a drain in progress.
pub(crate) const DRAINING: u32 = 1 << 9;
/// A receiver has asked for input during a pause and got none.
const INPUT_REFUSED: u32 = 1 << 10;
/// There are layers between the wire and the protocol.
pub(crate) const LAYERED: u32 = 1 << 11;
/// What the layers have passed down waits for the socket.
pub(crate) const CARRYING: u32 = 1 << 12;
/// Layers are opening.
pub(crate) const HANDSHAKING: u32 = 1 << 13;
/// A layer waits to be put in place.
pub(crate) const INSERTING: u32 = 1 << 14;
/// Unsent output was thrown away; no more is accepted.
const DISCARDED: u32 = 1 << 15;
/// Reading waits for the output of another connection to drain.
pub(super) const WAITS_FOR_ROOM: u32 = 1 << 16;
/// There is a rate limit for reading or writing.
pub(crate) const RATED: u32 = 1 << 17;
/// Reading waits for tokens of its rate limit.
pub(crate) const READ_RATE_WAITS: u32 = 1 << 18;
/// Writing waits for tokens of its rate limit.
pub(crate) const WRITE_RATE_WAITS: u32 = 1 << 19;
/// Reading waits because too much waits that layers have said in answer to input.
pub(crate) const LAYERS_ANSWER: u32 = 1 << 20;
/// Whoever was to hear of the loss has heard of it.
pub(crate) const LOSS_TOLD: u32 = 1 << 21;
/// Somebody else than the protocol has closed the connection.
pub(crate) const DISMISSED: u32 = 1 << 22;
/// The connection has failed, and its protocol had not finished sending before.
pub(crate) const FAILED: u32 = 1 << 23;
/// The connection ends before all that it should carry was written.
pub(crate) const CUT_OFF: u32 = 1 << 24;

impl Shared {
    pub(crate) fn new(reactor: ReactorHandle, id: ConnectionId, peer: Address, host: Address) -> Self {
        Self {
            reactor,
            id,
            peer,
            host,
            state: Cell::new(State::Opening),
            actions: Cell::new(Actions::NONE),
            flags: Cell::new(0),
            buffered: Cell::new(0),
            idle_timeout: Cell::new(None),
            output: RefCell::new(None),
            layers: Cell::new(None),
            rare: RefCell::new(None),
            farewell: Cell::new(None),
        }
    }

    fn core(&self) -> &Core {
        self.reactor.core()
    }

    pub(crate) fn state(&self) -> State {
        self.state.get()
    }

    /// Makes one step of the lifecycle; what it asks of the loop waits in the actions.
    pub(crate) fn step(&self, event: Event) {
        let before = self.state.get();
        let (state, actions) = lifecycle::advance(before, event);
        self.state.set(state);
        self.actions.set(self.actions.get() | actions);
        // A new state may ask for something by itself: one that flushes is done at once if there is no output.
        if state != before || !actions.is_empty() {
            self.ask_attention();
        }
    }

    pub(crate) fn pending(&self) -> Actions {
        self.actions.get()
    }

    /// Whether `action` is pending; if so it no longer is.
    pub(crate) fn take_action(&self, action: Actions) -> bool {
        let pending = self.actions.get();
        self.actions.set(pending.without(action));
        pending.contains(action)
    }

    /// Whether any of these flags is set.
    pub(crate) fn has(&self, flag: u32) -> bool {
        self.flags.get() & flag != 0
    }

    pub(crate) fn set(&self, flag: u32, value: bool) {
        let flags = self.flags.get();
        self.flags.set(if value { flags | flag } else { flags & !flag });
    }

    /// Has the loop settle this connection before the end of the turn (or in the next, if it is past that).
    pub(crate) fn ask_attention(&self) {
        if !self.has(IN_ATTENTION) {
            self.set(IN_ATTENTION, true);
            self.core().attention.borrow_mut().push(self.id);
        }
    }

    pub(crate) fn attention_given(&self) {
        self.set(IN_ATTENTION, false);
    }

    /// Whether anything written now would be sent. A registered producer may finish although the connection closes.
    pub(crate) fn accepts_output(&self) -> bool {
        let state = self.state.get();
        let accepts = state.accepts_output() || (state.flushes() && self.has(HAS_PRODUCER));
        accepts && !self.has(DISCARDED)
    }

    /// Answers above the high-water mark pause the reading of more questions. Other output does not: two ends that both write
    /// of their own accord must not wait for each other to read.
    pub(crate) fn is_reading_paused(&self) -> bool {
        self.has(READING_PAUSED | ANSWERS_WAIT | WAITS_FOR_ROOM)
    }

    /// Output is above its high-water mark; perhaps its answers alone are.
    pub(crate) fn rise_above_mark(&self, limits: &Limits) {
        self.set(ABOVE_MARK, true);
        if limits.is_above_mark(self.answers()) {
            self.set(ANSWERS_WAIT, true);
        }
    }

    /// Output has drained, or is gone.
    pub(crate) fn fall_below_mark(&self) {
        self.end_answers_pause();
        self.set(ABOVE_MARK, false);
        for waiting in self.take_rare(|rare| std::mem::take(&mut rare.waiting_for_room)) {
            waiting.shared().end_wait_for_room();
        }
        let waiting = self.take_rare(|rare| std::mem::take(&mut rare.waiting_for_drain));
        waiting.into_iter().for_each(|resolver| resolver.resolve(()));
    }

    /// The answers among the output have drained, whatever else is waiting.
    pub(crate) fn end_answers_pause(&self) {
        if self.has(ANSWERS_WAIT) {
            self.set(ANSWERS_WAIT, false);
            self.end_pause();
        }
    }

    /// How many bytes of the waiting output are answers.
    pub(crate) fn answers(&self) -> usize {
        self.output.borrow().as_ref().map_or(0, |output| output.answers())
    }

    /// Whether the protocol may be given input now.
    pub(crate) fn delivers_input(&self) -> bool {
        let delivers = self.state.get().delivers_input() && !self.is_reading_paused();
        if !delivers {
            self.set(INPUT_REFUSED, true);
        }
        delivers && !self.has(SWITCHING | INSERTING)
    }

    /// A receiver that has stopped for a pause goes on, even if the pause began and ended in one callback.
    pub(crate) fn end_pause(&self) {
        if self.has(INPUT_REFUSED) {
            self.set(INPUT_REFUSED, false);
            self.set(HOLDS_INPUT, true);
        }
    }

    pub(crate) fn buffered(&self) -> usize {
        self.buffered.get()
    }

    pub(crate) fn has_output(&self) -> bool {
        self.output.borrow().is_some() || self.has(CARRYING)
    }

    /// How many bytes of output wait that no layer has seen.
    pub(crate) fn queued(&self) -> usize {
        self.output.borrow().as_ref().map_or(0, |output| output.length())
    }

    pub(crate) fn write(&self, data: &[u8]) {
        self.write_vectored(&[data]);
    }

    pub(crate) fn write_vectored(&self, parts: &[&[u8]]) {
        let length = parts.iter().fold(0, |length: usize, part| length.saturating_add(part.len()));
        if length > 0 && self.reserve(length) {
            self.with_output(|output, writing| output.push(parts, length, writing));
        }
    }

    pub(crate) fn write_shared(&self, data: Bytes) {
        if !data.is_empty() && self.reserve(data.len()) {
            self.with_output(|output, writing| output.push_shared(data, writing));
        }
    }

    /// Accounts for `length` more bytes of output; false if they are not accepted.
    fn reserve(&self, length: usize) -> bool {
        if !self.accepts_output() {
            self.core().counters.refused(length);
            return false;
        }
        let limits = self.limits();
        let buffered = self.buffered.get().saturating_add(length);
        if buffered > limits.output {
            self.end_with(Reason::OutputLimit { limit: limits.output }, Event::Abort);
            return false;
        }
        self.buffered.set(buffered);
        self.core().counters.output_added(length);
        if limits.is_above_mark(buffered) {
            self.set(ABOVE_MARK, true);
        }
        true
    }

    fn with_output(&self, push: impl FnOnce(&mut Output, Writing)) {
        let writing = if self.has(HEARING) { Writing::Answer } else { Writing::OwnAccord };
        let mut output = self.output.borrow_mut();
        push(output.get_or_insert_with(|| self.core().outputs.take()), writing);
        drop(output);
        if writing == Writing::Answer && self.has(ABOVE_MARK) {
            self.rise_above_mark(&self.limits());
        }
        self.ask_attention();
    }

    /// Lets `send` hand waiting output to the socket.
    pub(crate) fn send_output(&self, send: impl FnOnce(&Output) -> io::Result<Sent>) -> io::Result<Sent> {
        let mut slot = self.output.borrow_mut();
        let Some(output) = slot.as_mut() else {
            return Ok(Sent::default());
        };
        let sent = send(output)?;
        output.advance(sent.taken);
        self.buffered.set(self.buffered.get() - sent.taken);
        self.core().counters.output_removed(sent.taken);
        if output.is_empty() {
            if let Some(output) = slot.take() {
                self.core().outputs.give_back(output);
            }
        }
        Ok(sent)
    }

    /// Takes up to `limit` bytes of waiting output out, for the layers. [`Shared::give_back_output`] must follow.
    pub(crate) fn take_output(&self, limit: usize) -> Option<Piece> {
        self.output.borrow_mut().as_mut()?.take(limit)
    }

    /// The layers have seen a piece of output: its memory is used again.
    pub(crate) fn give_back_output(&self, piece: Piece) {
        let mut slot = self.output.borrow_mut();
        let Some(output) = slot.as_mut() else { return };
        output.recycle(piece);
        if output.is_empty() {
            slot.take().into_iter().for_each(|output| self.core().outputs.give_back(output));
        }
    }

    /// So many bytes of output, which the layers have seen, are sent.
    pub(crate) fn output_sent(&self, bytes: usize) {
        self.buffered.set(self.buffered.get() - bytes);
        self.core().counters.output_removed(bytes);
    }

    pub(crate) fn put_layers(&self, stack: Box<Stack>) {
        self.layers.set(Some(stack));
        self.set(LAYERED, true);
    }

    pub(crate) fn take_layers(&self) -> Option<Box<Stack>> {
        self.layers.take()
    }

    /// Looks at the layers, or lets them work, if there are any.
    pub(crate) fn with_layers<R>(&self, work: impl FnOnce(&mut Stack) -> R) -> Option<R> {
        let mut stack = self.layers.take()?;
        let result = work(&mut stack);
        self.layers.set(Some(stack));
        Some(result)
    }

    /// Throws unsent output away. [`Shared::buffered`] goes on telling how much it was.
    pub(crate) fn discard_output(&self) {
        if !self.has(DISCARDED) {
            self.set(DISCARDED, true);
            self.core().counters.output_removed(self.buffered.get());
        }
        if let Some(mut output) = self.output.borrow_mut().take() {
            output.clear();
            self.core().outputs.give_back(output);
        }
        self.set(CARRYING | LAYERS_ANSWER, false);
        self.fall_below_mark();
    }

    pub(crate) fn limits(&self) -> Limits {
        self.rare.borrow().as_ref().and_then(|rare| rare.limits).unwrap_or_else(|| self.core().limits.get())
    }

    /// Whether there is state that few connections have.
    pub(crate) fn has_rare(&self) -> bool {
        self.rare.borrow().is_some()
    }

    /// Reads or changes state that few connections have, making room for it.
    pub(crate) fn with_rare<R>(&self, change: impl FnOnce(&mut Rare) -> R) -> R {
        change(self.rare.borrow_mut().get_or_insert_with(|| self.core().spare_rares.take()))
    }

    /// Takes something out of the rare state, without making room for it.
    pub(crate) fn take_rare<R: Default>(&self, take: impl FnOnce(&mut Rare) -> R) -> R {
        self.rare.borrow_mut().as_mut().map(|rare| take(rare)).unwrap_or_default()
    }

    /// Gives the memory of state that few connections have back, if this one no longer has any: many set a timer only while
    /// they begin.
    pub(crate) fn free_rare(&self) {
        let mut slot = self.rare.borrow_mut();
        if let Some(rare) = slot.take_if(|rare| rare.is_empty()) {
            self.core().spare_rares.give_back(rare);
        }
    }

    /// Sets when the whole connection is to end, and returns what was set before.
    pub(crate) fn replace_deadline(
        &self,
        deadline: Option<(TimerId, Duration)>,
    ) -> Option<(TimerId, Duration)> {
        if deadline.is_none() && !self.has_rare() {
            return None;
        }
        self.with_rare(|rare| std::mem::replace(&mut rare.deadline, deadline))
    }

    /// Limits the rate of one direction, or no longer.
    pub(crate) fn set_rate(&self, direction: Direction, share: Option<Share>) {
        let (replaced, is_limited) = self.with_rare(|rare| {
            let replaced = std::mem::replace(rare.rates.of(direction), share);
            (replaced, rare.rates.is_limited())
        });
        if let Some(timer) = replaced.as_ref().and_then(Share::timer) {
            self.take_rare(|rare| rare.timers.remove(&timer));
            self.core().timers.borrow_mut().remove(timer);
        }
        drop(replaced);
        self.set(RATED, is_limited);
        self.set(direction.waits(), false);
        self.ask_attention();
    }

    /// The connection has lasted long enough. One that is closing has a deadline for that.
    pub(crate) fn deadline_reached(&self) {
        let deadline = self.take_rare(|rare| rare.deadline.take());
        if let Some((_, period)) = deadline.filter(|_| !self.state.get().is_ending()) {
            self.end_with(Reason::TimedOut(Timeout::Deadline(period)), Event::LoseConnection);
        }
    }

    /// Takes out all rare state, at the connection's end.
    pub(crate) fn take_all_rare(&self) -> Option<Box<Rare>> {
        self.rare.take()
    }

    /// Makes a step that ends the connection for `reason`, unless it is ending for another already.
    pub(crate) fn end_with(&self, reason: Reason, event: Event) {
        if self.state.get() == State::Lost {
            return;
        }
        let is_timeout = matches!(reason, Reason::TimedOut(_));
        // A reason may hold a user's error, whose destructor may use this transport: drop it outside the borrow.
        let refused = self.with_rare(|rare| match rare.reason {
            None => rare.reason.replace(reason),
            Some(_) => Some(reason),
        });
        drop(refused);
        if !is_timeout {
            self.note_failure();
        }
        self.step(event);
    }

    /// The connection is about to end for a reason. What was finished before stays so, whether it was said already or not.
    pub(crate) fn note_failure(&self) {
        if self.state.get() != State::Finishing {
            self.set(FAILED, true);
        }
    }

    /// Whether the connection is ending for another reason than that somebody closed it.
    pub(crate) fn has_reason(&self) -> bool {
        self.rare.borrow().as_ref().is_some_and(|rare| rare.reason.is_some())
    }

    pub(crate) fn now(&self) -> Instant {
        self.core().now()
    }
}
