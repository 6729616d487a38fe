//! One connection as the loop owns it: the socket, the protocol, and what has become ready.

mod deadlines;
mod input;
mod layer_problem;
pub(crate) mod layered;
pub(crate) mod lifecycle;
pub(crate) mod opening;
mod output;
mod rates;
pub(crate) mod stack;

use std::fmt;
use std::io;
use std::rc::Rc;

use crate::driver::{Readiness, Stream};
use crate::event_loop::callbacks::{Running, Watch, catch};
use crate::producer::Registration;
use crate::transport::shared::{LOSS_TOLD, Options, SWITCHING, Shared};
use crate::{Protocol, Reason, Transport};
use deadlines::Deadlines;
use lifecycle::{Actions, Event, State};

/// Names a connection of one reactor, for [`Remote::post_event`](crate::Remote::post_event) and for logs.
///
/// A name is used again only after four thousand million others.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Debug)]
pub struct ConnectionId {
    pub(crate) index: u32,
    pub(crate) generation: u32,
}

impl fmt::Display for ConnectionId {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "#{}", self.generation)
    }
}

/// A connection in the table.
pub(crate) struct Connection {
    stream: Box<dyn Stream>,
    protocol: Box<dyn Protocol>,
    transport: Transport,
    producer: Option<Box<Registration>>,
    deadlines: Deadlines,
    /// A read may give something. Latched: stays until a read says otherwise.
    readable: bool,
    /// A write may take something. Latched likewise.
    writable: bool,
    /// Output was left when it was flushed last. So readiness that is not there cannot pass for the beginning of a wait.
    output_left: bool,
    /// A short read need not have emptied the socket: the stream is of such a kind, or the input has come to its end or
    /// broken, so that no further event will announce what is still to be read, or urgent data is in it, at which reads
    /// stop.
    distrusts_short_reads: bool,
    /// The connection was reported broken.
    broken: bool,
    /// The connection is in the list of those to read in the next turn.
    pub(crate) queued: bool,
    /// The protocol may hold input back because reading was paused when it last had some.
    input_held: bool,
    /// `writing_paused` was the last of the two that the protocol heard.
    told_paused: bool,
    /// The protocol has heard `connection_made`.
    made: bool,
    /// The loop has put the connection on the list of losses.
    ending: bool,
}

impl Connection {
    pub(crate) fn new(stream: Box<dyn Stream>, protocol: Box<dyn Protocol>, transport: Transport) -> Self {
        let now = transport.shared().now();
        let distrusts_short_reads = !stream.empties_by_short_read();
        Self {
            stream,
            protocol,
            transport,
            producer: None,
            deadlines: Deadlines::new(now),
            readable: false,
            writable: true,
            output_left: false,
            distrusts_short_reads,
            broken: false,
            queued: false,
            input_held: false,
            told_paused: false,
            made: false,
            ending: false,
        }
    }

    /// Whether the connection has come to its end, the first time that is asked.
    pub(crate) fn begin_ending(&mut self) -> bool {
        let begins = !self.ending && self.shared().pending().contains(Actions::END);
        self.ending |= begins;
        begins
    }

    pub(crate) fn transport(&self) -> &Transport {
        &self.transport
    }

    pub(crate) fn shared(&self) -> &Shared {
        self.transport.shared()
    }

    pub(crate) fn is_lost(&self) -> bool {
        self.shared().state() == State::Lost
    }

    /// What the protocol calls itself, which is user code too.
    pub(crate) fn protocol_name(&self) -> &'static str {
        catch(|| self.protocol.name()).unwrap_or("a protocol without a name")
    }

    /// Tells the protocol that it has a connection.
    pub(crate) fn open(&mut self, watch: &mut Watch) {
        self.shared().step(Event::Opened);
        if self.shared().take_action(Actions::DELIVER_MADE) {
            self.made = true;
            self.inform(watch, "connection_made", |protocol, transport| protocol.connection_made(transport));
        }
        // Whoever keeps a handle may have acted on the connection before this; a fresh one has nothing to settle.
    }

    /// Latches what the driver reported. Returns whether the connection is to be put into the list of those to read.
    pub(crate) fn became_ready(&mut self, readiness: Readiness) -> bool {
        let over = readiness.read_closed || readiness.error;
        self.readable |= readiness.readable || over;
        self.distrusts_short_reads |= over || readiness.urgent;
        self.broken |= readiness.error;
        if (readiness.writable || readiness.error) && !self.writable {
            self.writable = true;
            if self.shared().has_output() {
                self.shared().ask_attention();
            }
        }
        if self.broken && !self.may_read() {
            self.shared().ask_attention();
        }
        self.queue()
    }

    /// Writing has failed: what can still be read is delivered, then comes the loss.
    fn hang_up(&mut self, error: io::Error) {
        self.readable = true;
        self.distrusts_short_reads = true;
        self.shared().end_with(Reason::Lost(error), Event::HungUp);
    }

    /// Notices a break that reading will not find, because nobody reads.
    fn settle_break(&mut self) {
        if self.broken && !self.may_read() && self.shared().state() != State::HungUp {
            self.hang_up(io::ErrorKind::ConnectionReset.into());
        }
    }

    /// Applies socket options that were asked for.
    fn apply_options(&self) {
        let Options { nodelay, keepalive } =
            self.shared().take_rare(|rare| std::mem::take(&mut rare.options));
        let nodelay = nodelay.map_or(Ok(()), |nodelay| self.stream.set_nodelay(nodelay));
        let keepalive = keepalive.map_or(Ok(()), |after| self.stream.set_keepalive(after));
        if let Err(error) = nodelay.and(keepalive) {
            log::debug!(
                "connection {} with {}: setting an option: {error}",
                self.shared().id,
                self.shared().peer
            );
        }
    }

    /// Calls one of the protocol's callbacks and deals with whatever comes of it. Nothing else enters user code on a
    /// connection's behalf.
    fn call(
        &mut self,
        watch: &mut Watch,
        callback: &'static str,
        call: impl FnOnce(&mut dyn Protocol, &Transport) -> crate::Result,
    ) {
        self.call_once(watch, callback, call);
        self.settle_successor(watch);
    }

    /// Calls a callback, but leaves a successor waiting.
    fn call_once(
        &mut self,
        watch: &mut Watch,
        callback: &'static str,
        call: impl FnOnce(&mut dyn Protocol, &Transport) -> crate::Result,
    ) {
        watch.begin(Running::Callback(self.shared().id, callback));
        match catch(|| call(&mut *self.protocol, &self.transport)) {
            Ok(Ok(())) => {}
            Ok(Err(error)) => self.failed(callback, error),
            Err(message) => self.panicked(callback, message),
        }
        // Whatever the callback was, a receiver may have stopped in it for this pause, which may be over before the
        // connection is settled.
        self.input_held |= self.transport.is_reading_paused();
    }

    /// Calls a callback that cannot fail.
    fn inform(
        &mut self,
        watch: &mut Watch,
        callback: &'static str,
        call: impl FnOnce(&mut dyn Protocol, &Transport),
    ) {
        self.call(watch, callback, |protocol, transport| {
            call(protocol, transport);
            Ok(())
        });
    }

    /// An expired timer of the protocol.
    pub(crate) fn timer_expired(&mut self, watch: &mut Watch, timer: crate::TimerKey) {
        if self.transport.forget_timer(timer) && !self.is_lost() {
            self.inform(watch, "timer_expired", |protocol, transport| {
                protocol.timer_expired(transport, timer)
            });
        }
    }

    /// An event that somebody posted; the connection is not lost.
    pub(crate) fn event_received(&mut self, watch: &mut Watch, event: Box<dyn std::any::Any>) {
        self.inform(watch, "event_received", |protocol, transport| protocol.event_received(transport, event));
    }

    /// Calls `connection_lost`, the last callback; before it, the producer is stopped.
    pub(crate) fn lose(&mut self, watch: &mut Watch) {
        self.cancel_timers();
        self.shared().discard_output();
        self.stop_producer(watch);
        let reason = self.shared().take_rare(|rare| rare.reason.take()).unwrap_or(Reason::Closed);
        if self.shared().take_action(Actions::RESET) && !reason.is_end_for_both() {
            self.stream.reset_on_drop();
        }
        self.log_loss(&reason);
        let reason = self.deliver_loss(watch, reason);
        self.shared().set(LOSS_TOLD, true);
        if let Err(message) = catch(|| self.tell_of_loss(reason)) {
            self.report_panic("an error's destructor", &message);
        }
    }

    /// Tells the protocol, or, if there is none yet, those who would have made it, who get the reason.
    fn deliver_loss(&mut self, watch: &mut Watch, reason: Reason) -> Option<Reason> {
        if self.made {
            watch.begin(Running::Callback(self.shared().id, "connection_lost"));
            if let Err(message) = catch(|| self.protocol.connection_lost(&self.transport, &reason)) {
                self.report_panic("connection_lost", &message);
            }
        } else if let Some(opening) = self.take_opening() {
            self.fail_opening(watch, *opening, reason);
            return None;
        }
        Some(reason)
    }

    /// Tells those who have waited for the loss, and drops the reason.
    fn tell_of_loss(&self, reason: Option<Reason>) {
        let waiting = self.shared().take_rare(|rare| std::mem::take(&mut rare.waiting_for_loss));
        if !waiting.is_empty() {
            let reason = reason.map(Rc::new);
            waiting.into_iter().for_each(|resolver| resolver.resolve(reason.clone()));
        }
    }

    /// An error is worth a warning, unless that was given when it came from a callback.
    fn log_loss(&self, reason: &Reason) {
        let is_news =
            matches!(reason, Reason::Error(_)) && !self.shared().take_rare(|rare| rare.error_is_logged);
        let level = match reason {
            _ if is_news => log::Level::Warn,
            // Nobody else may hear why a handshake has failed.
            Reason::Layer(_) => log::Level::Info,
            _ => log::Level::Debug,
        };
        let Shared { id, peer, .. } = self.shared();
        log::log!(level, "connection {id} with {peer}: {}", self.in_words(reason));
    }

    /// Drops the protocol and the socket; a panic in a destructor is contained.
    pub(crate) fn discard(self) {
        let Self { stream, protocol, transport, producer, .. } = self;
        drop(stream);
        transport.shared().set(LOSS_TOLD, true);
        // What handles left behind may own this very handle.
        let (rare, layers) = (transport.shared().take_all_rare(), transport.shared().take_layers());
        let core = transport.reactor().core();
        // One by one: a second panic while the first unwinds would end the process.
        core.run_guarded("a protocol's destructor", || drop(protocol));
        core.run_guarded("a producer's destructor", || drop(producer));
        core.run_guarded("a layer's destructor", || drop(layers));
        core.run_guarded("a destructor", || drop(rare));
    }

    fn failed(&self, callback: &'static str, error: crate::ProtocolError) {
        let shared = self.shared();
        log::warn!(
            "connection {} with {}: {callback} of {} failed: {}",
            shared.id,
            shared.peer,
            self.protocol_name(),
            self.in_words(&error)
        );
        shared.with_rare(|rare| rare.error_is_logged = true);
        self.end_instead(Reason::Error(error), Event::LoseConnection);
    }

    fn panicked(&self, callback: &'static str, message: String) {
        self.report_panic(callback, &message);
        self.end_instead(Reason::Panicked(message), Event::Abort);
    }

    /// What a user's error says of itself, which is user code as well.
    fn in_words(&self, error: &impl fmt::Display) -> String {
        catch(|| error.to_string()).unwrap_or_else(|message| {
            self.report_panic("an error's text", &message);
            "an error without words".to_owned()
        })
    }

    fn report_panic(&self, callback: &'static str, message: &str) {
        let shared = self.shared();
        let what =
            format!("connection {} with {}: {callback} of {}", shared.id, shared.peer, self.protocol_name());
        shared.reactor.core().report_panic(&what, message);
    }

    /// Ends the connection for `reason`, which outweighs what the same callback asked for before.
    fn end_instead(&self, reason: Reason, event: Event) {
        let replaced = self.shared().with_rare(|rare| rare.reason.replace(reason));
        self.shared().note_failure();
        self.shared().step(event);
        if let Err(message) = catch(move || drop(replaced)) {
            self.report_panic("an error's destructor", &message);
        }
    }

    /// Lets the protocol that waits take over, and the one that this one puts in its place, and so on.
    fn settle_successor(&mut self, watch: &mut Watch) {
        while self.shared().has(SWITCHING) {
            self.shared().set(SWITCHING, false);
            let Some((next, leftover)) = self.shared().take_rare(|rare| rare.successor.take()) else {
                return;
            };
            // A connection that has ended makes no more: the protocol that has heard of it hears of its loss.
            let lost = self.shared().state() == State::Lost;
            let unused = if lost { next } else { std::mem::replace(&mut self.protocol, next) };
            if let Err(message) = catch(move || drop(unused)) {
                self.report_panic("a protocol's destructor", &message);
            }
            if lost {
                return;
            }
            // The successor has heard of no mark; output that is above it makes settling tell.
            self.told_paused = false;
            self.hold_leftover(leftover);
            self.call_once(watch, "connection_made", |protocol, transport| {
                protocol.connection_made(transport);
                Ok(())
            });
            if !self.shared().has(SWITCHING) {
                self.deliver_leftover(watch);
            }
        }
    }
}
