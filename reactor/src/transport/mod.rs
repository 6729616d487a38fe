//! The handle through which a protocol, and everybody else, acts on a connection.

mod farewell;
mod layers;
pub(crate) mod limits;
pub(crate) mod output;
pub(crate) mod shared;
mod waiting;

use std::any::Any;
use std::fmt;
use std::rc::Rc;
use std::time::Duration;

use crate::commands::Command;
use crate::connection::lifecycle::{Event, State};
use crate::producer::Registration;
use crate::rate::{Direction, Share};
use crate::timers::{Timer, TimerId};
use crate::{
    Address, Bytes, ConnectionId, Limits, Producer, ProducerExists, ProducerKind, Protocol, ProtocolError,
    ReactorHandle, Reason, TimerKey, TokenBucket,
};
use shared::{ABOVE_MARK, HAS_PRODUCER, READING_PAUSED, SWITCHING, Shared};

/// A handle on one connection: cheap to clone, to keep, and to give away within the reactor's thread.
///
/// Every method records what is wanted and returns; none calls a protocol, blocks, or fails because of who else is
/// running. So a shared `RefCell` may stay borrowed while writing to everybody in it. The loop carries the wishes out
/// before its turn ends.
///
/// After the connection is lost a handle is inert: every method does nothing.
///
/// ```
/// use std::cell::RefCell;
/// use std::rc::Rc;
/// use ropewalk_reactor::{Protocol, Reason, Result, Transport};
///
/// type Room = Rc<RefCell<Vec<Transport>>>;
///
/// struct Member(Room);
///
/// impl Protocol for Member {
///     fn connection_made(&mut self, transport: &Transport) {
///         self.0.borrow_mut().push(transport.clone());
///     }
///
///     fn data_received(&mut self, _: &Transport, data: &[u8]) -> Result {
///         for member in self.0.borrow().iter() {
///             member.write(data); // calls nobody, so the room may stay borrowed
///         }
///         Ok(())
///     }
///
///     fn connection_lost(&mut self, transport: &Transport, _: &Reason) {
///         self.0.borrow_mut().retain(|member| member.id() != transport.id());
///     }
/// }
/// ```
///
/// # Output
///
/// Bytes accepted by `write` are sent in order, or reported unsent by the reason that `connection_lost` hears (G3).
/// They are sent at the end of the turn, gathered into one system call however many small writes there were; beyond 1 MiB
/// the rest waits for the next turn. A slow peer makes them wait in memory, within [`Limits`].
#[derive(Clone)]
pub struct Transport {
    shared: Rc<Shared>,
}

impl Transport {
    pub(crate) fn new(shared: Shared) -> Self {
        Self { shared: Rc::new(shared) }
    }

    pub(crate) fn shared(&self) -> &Shared {
        &self.shared
    }

    /// Sends `data` after everything written before. Writing nothing does nothing; writing after
    /// [`lose_connection`](Self::lose_connection), [`lose_write_connection`](Self::lose_write_connection) or the loss
    /// does nothing.
    pub fn write(&self, data: impl AsRef<[u8]>) {
        self.shared.write(data.as_ref());
    }

    /// Sends several pieces as if they were one: all of them are accepted, or none.
    ///
    /// ```no_run
    /// # fn example(transport: &ropewalk_reactor::Transport, body: &[u8]) {
    /// transport.write_vectored(&[b"HTTP/1.0 200 OK\r\n", b"\r\n", body]);
    /// # }
    /// ```
    pub fn write_vectored(&self, parts: &[&[u8]]) {
        self.shared.write_vectored(parts);
    }

    /// Sends bytes that many connections share, without copying them (a few hundred bytes are copied all the same,
    /// because that is faster).
    pub fn write_shared(&self, data: Bytes) {
        self.shared.write_shared(data);
    }

    /// How many bytes were accepted and not yet handed to the operating system. After the loss: how many never were.
    pub fn buffered(&self) -> usize {
        self.shared.buffered()
    }

    /// Closes the connection in an orderly way: what was written is sent, a registered producer finishes first, then
    /// the peer is told, and `connection_lost` follows with [`Reason::Closed`].
    ///
    /// From now on no input is delivered, and nothing more can be written, except for the producer. Takes at most
    /// [`Limits::close_timeout`] plus [`Limits::linger_timeout`] (G6), where the former begins anew as long as the peer
    /// reads and a registered producer goes on or a [rate limit](Self::set_write_rate) holds output back. Calling it again does
    /// nothing.
    pub fn lose_connection(&self) {
        self.shared.step(Event::LoseConnection);
    }

    /// Closes the connection as [`lose_connection`](Self::lose_connection) does, because of `error`: it is logged with the loss, and
    /// `connection_lost` hears it as [`Reason::Error`]. What was written so far is sent; a registered producer is stopped
    /// and not waited for.
    pub fn fail(&self, error: impl Into<ProtocolError>) {
        self.shared.end_with(Reason::Error(error.into()), Event::LoseConnection);
    }

    /// Finishes this side's sending once what was written is sent; the peer hears the end of input. Input is still
    /// delivered; when the peer finishes too, the connection ends. Nothing more can be written from now on.
    pub fn lose_write_connection(&self) {
        self.shared.step(Event::LoseWriteConnection);
    }

    /// Drops the connection at once: unsent output is thrown away and the peer sees a reset. `connection_lost` follows
    /// with [`Reason::Aborted`], never from inside another callback.
    pub fn abort_connection(&self) {
        self.shared.end_with(Reason::Aborted, Event::Abort);
    }

    /// Drops the connection as one that does not carry all that it should have carried: what was written so far is sent, within
    /// [`Limits::close_timeout`], a registered producer is stopped, and then the peer is told that this is no orderly end: by a layer
    /// (code 1011 of WebSockets, no `close_notify` of TLS), or if [none can](crate::Layer::tells_cut_off) by a reset, which may reach
    /// the peer before the last that it has not read. `connection_lost` follows with [`Reason::Aborted`]. After
    /// [`lose_write_connection`](Self::lose_write_connection), when all was written, it only closes as
    /// [`lose_connection`](Self::lose_connection) does.
    pub fn cut_off(&self) {
        if self.shared.state().accepts_output() {
            self.shared.set(shared::CUT_OFF, true);
            self.shared.end_with(Reason::Aborted, Event::LoseConnection);
        } else {
            self.lose_connection();
        }
    }

    /// Stops delivering input until [`resume_reading`](Self::resume_reading), so that the peer is slowed down.
    ///
    /// The rest of the current read is the protocol's: receivers of lines and messages keep it and go on when
    /// resumed. If the connection breaks meanwhile, what the peer had sent is kept for
    /// [`Limits::close_timeout`], then the loss is reported; the peer's orderly end is noticed after resuming.
    pub fn pause_reading(&self) {
        self.shared.set(READING_PAUSED, true);
        self.shared.ask_attention();
    }

    /// Goes on delivering input, unless answers above the high-water mark hold reading back.
    pub fn resume_reading(&self) {
        if self.shared.has(READING_PAUSED) {
            self.shared.set(READING_PAUSED, false);
            self.shared.end_pause();
            self.shared.ask_attention();
        }
    }

    /// Stops delivering input while more output waits on `other` than its high-water mark, until that has drained to the
    /// low-water mark or is gone. Whoever passes input on to another connection calls this after each write, as
    /// [`writing_paused`](Protocol::writing_paused) comes too late for a peer that sends faster.
    ///
    /// This pause is not that of [`pause_reading`](Self::pause_reading): neither ends the other. Of several connections to wait
    /// for, the first one counts.
    ///
    /// ```
    /// use ropewalk_reactor::{Protocol, Result, Transport};
    ///
    /// /// Passes everything on to another connection, no faster than its peer reads.
    /// struct PassOn(Transport);
    ///
    /// impl Protocol for PassOn {
    ///     fn data_received(&mut self, transport: &Transport, data: &[u8]) -> Result {
    ///         self.0.write(data);
    ///         transport.wait_for_room(&self.0);
    ///         Ok(())
    ///     }
    /// }
    /// ```
    pub fn wait_for_room(&self, other: &Self) {
        if other.shared.has(ABOVE_MARK) {
            self.shared.wait_for_room(self, &other.shared);
        }
    }

    /// Whether reading is paused: by [`pause_reading`](Self::pause_reading), by [`wait_for_room`](Self::wait_for_room), or by
    /// itself because answers are among the output above the high-water mark; see [`Limits::high_water`].
    pub fn is_reading_paused(&self) -> bool {
        self.shared.is_reading_paused()
    }

    /// Whether the protocol may be given input now: the connection is neither closing nor paused, and no other protocol
    /// takes over. Receivers that deliver several messages out of one read ask before each; one that a
    /// pause holds back hears [`Protocol::reading_resumed`] after it, even if the pause ends in the same callback.
    pub fn delivers_input(&self) -> bool {
        self.shared.delivers_input()
    }

    /// Has [`Protocol::reading_resumed`] called before the turn ends, unless reading is paused then or input is no longer
    /// delivered, as after its end. For receivers that hold
    /// input which has become deliverable in another callback than those that deliver input, such as by a change of mode.
    pub fn continue_reading(&self) {
        self.shared.set(shared::HOLDS_INPUT, true);
        self.shared.ask_attention();
    }

    /// Whether what is written now would be sent: not after [`lose_connection`](Self::lose_connection),
    /// [`lose_write_connection`](Self::lose_write_connection) or a failure of writing.
    pub fn accepts_output(&self) -> bool {
        self.shared.accepts_output()
    }

    /// Whether the connection is neither lost nor closing.
    pub fn is_open(&self) -> bool {
        !self.shared.state().is_ending()
    }

    /// Registers what feeds this transport; see [`Producer`]. A connection that is closing or lost stops the producer
    /// right away.
    ///
    /// # Errors
    /// Gives the producer back if there is one already.
    pub fn register_producer(
        &self,
        producer: impl Producer + 'static,
        kind: ProducerKind,
    ) -> Result<(), ProducerExists> {
        let producer: Box<dyn Producer> = Box::new(producer);
        if self.shared.has(HAS_PRODUCER) {
            return Err(ProducerExists(producer));
        }
        if !self.shared.state().accepts_output() {
            let consumer = self.clone();
            self.reactor().core().call(Box::new(move |_| {
                let mut producer = producer;
                producer.stop_producing(&consumer);
            }));
            return Ok(());
        }
        self.shared.set(HAS_PRODUCER, true);
        let registration = Registration { producer, kind, waits: false };
        let replaced = self.shared.with_rare(|rare| rare.registration.replace(registration));
        drop(replaced);
        self.shared.ask_attention();
        Ok(())
    }

    /// Ends the registration; a close that was waiting for the producer goes on. Without a producer it does nothing.
    pub fn unregister_producer(&self) {
        if self.shared.has(HAS_PRODUCER) {
            self.end_producer();
        }
    }

    /// Calls [`Protocol::timer_expired`] with the returned key after `delay`. Timers end with the connection; one set
    /// after the loss never expires.
    pub fn set_timer(&self, delay: Duration) -> TimerKey {
        if self.shared.state() == State::Lost {
            return TimerKey(TimerId::DEAD);
        }
        let deadline = self.shared.now() + delay;
        let timer =
            self.reactor().core().timers.borrow_mut().insert(deadline, Timer::Protocol(self.shared.id));
        self.shared.with_rare(|rare| rare.timers.insert(timer));
        TimerKey(timer)
    }

    /// Cancels a timer; one that has expired or been cancelled is left alone.
    pub fn cancel_timer(&self, timer: TimerKey) {
        if self.forget_timer(timer) {
            self.reactor().core().timers.borrow_mut().remove(timer.0);
        }
    }

    /// Takes a timer out of the set of this connection's live ones, and tells whether it was there.
    pub(crate) fn forget_timer(&self, timer: TimerKey) -> bool {
        let was_there = self.shared.take_rare(|rare| rare.timers.remove(&timer.0));
        self.shared.free_rare();
        was_there
    }

    /// Closes the connection with [`Timeout::Idle`](crate::Timeout::Idle) when nothing was read or written for `period`;
    /// `None` turns that off, as it is by default. Returns the period before. Traffic starts the period anew, at next to
    /// no cost; so does this call. What layers say to each other, such as the pings of a
    /// [heartbeat](crate::Layer::heartbeat), is no traffic here.
    pub fn set_idle_timeout(&self, period: Option<Duration>) -> Option<Duration> {
        let before = self.shared.idle_timeout.replace(period);
        self.shared.set(shared::IDLE_RESTARTED, true);
        self.shared.ask_attention();
        before
    }

    /// Closes the connection with [`Timeout::Deadline`](crate::Timeout::Deadline) after `period` from now, whatever the traffic;
    /// `None` turns that off, as it is by default. Each call replaces what an earlier one has set. The protocol may change;
    /// the deadline stays.
    pub fn set_deadline(&self, period: Option<Duration>) {
        if self.shared.state() == State::Lost {
            return;
        }
        let mut timers = self.reactor().core().timers.borrow_mut();
        let deadline = period.map(|period| {
            let timer = timers.insert(self.shared.now() + period, Timer::Deadline(self.shared.id));
            (timer, period)
        });
        if let Some((replaced, _)) = self.shared.replace_deadline(deadline) {
            timers.remove(replaced);
        }
    }

    /// Limits how fast the connection is read, by a bucket that it may share with others; `None` turns that off, as it is by
    /// default. The operating system slows the peer down. Closing is not slowed down: input that is thrown away does not count.
    pub fn set_read_rate(&self, bucket: Option<Rc<TokenBucket>>) {
        self.set_rate(Direction::Read, bucket);
    }

    /// Limits how fast the connection is written, by a bucket that it may share with others; `None` turns that off, as it is by
    /// default. What may not be sent yet waits within [`Limits`]. While the connection closes, output that was held back by
    /// the rate starts [`Limits::close_timeout`] anew; only a stop of the reactor sends all at once.
    pub fn set_write_rate(&self, bucket: Option<Rc<TokenBucket>>) {
        self.set_rate(Direction::Write, bucket);
    }

    fn set_rate(&self, direction: Direction, bucket: Option<Rc<TokenBucket>>) {
        if self.shared.state() != State::Lost {
            self.shared.set_rate(direction, bucket.map(Share::new));
        }
    }

    /// Sends the connection's protocol an event, which it hears in [`Protocol::event_received`], not before the next
    /// batch of commands. Events arrive in order; those to a lost connection are dropped.
    pub fn post(&self, event: impl Any) {
        self.reactor().core().command(Command::Post(self.shared.id, Box::new(event)));
    }

    /// Makes `next` the connection's protocol as soon as the running callback has returned: it hears
    /// `connection_made`, then `leftover` as input if there is any. The old protocol is dropped without hearing
    /// `connection_lost`. For upgrades, logins and negotiated protocols.
    ///
    /// Give as `leftover` what the old protocol has received but not used.
    pub fn switch_protocol(&self, next: impl Protocol + 'static, leftover: impl Into<Vec<u8>>) {
        if self.shared.state() == State::Lost {
            return;
        }
        self.shared.farewell.set(None);
        let successor: (Box<dyn Protocol>, Vec<u8>) = (Box::new(next), leftover.into());
        let replaced = self.shared.with_rare(|rare| rare.successor.replace(successor));
        drop(replaced);
        self.shared.set(SWITCHING, true);
        self.shared.ask_attention();
    }

    /// Something of a type that is kept with the connection, by a layer
    /// ([`Layer::keepsake`](crate::Layer::keepsake)) or by [`keep`](Self::keep). Of several the latest.
    pub fn keepsake<T: Any>(&self) -> Option<Rc<T>> {
        let find = |keepsakes: &[Rc<dyn Any>]| {
            keepsakes.iter().rev().find_map(|keepsake| Rc::clone(keepsake).downcast().ok())
        };
        self.shared.take_rare(|rare| find(&rare.keepsakes))
    }

    /// Keeps something until the connection has ended, whatever protocols it has meanwhile. It is dropped after the last
    /// callback. After the loss it is dropped at once.
    pub fn keep(&self, keepsake: Rc<dyn Any>) {
        if self.shared.state() != State::Lost {
            self.shared.with_rare(|rare| rare.keepsakes.push(keepsake));
        }
    }

    /// The limits in force for this connection.
    pub fn limits(&self) -> Limits {
        self.shared.limits()
    }

    /// Changes this connection's limits. They hold for what happens from now on.
    pub fn set_limits(&self, limits: Limits) {
        if self.shared.state() == State::Lost {
            return;
        }
        self.shared.with_rare(|rare| rare.limits = Some(limits));
        if limits.is_above_mark(self.buffered()) {
            self.shared.end_answers_pause();
            self.shared.rise_above_mark(&limits);
        } else {
            self.shared.fall_below_mark();
        }
        self.shared.ask_attention();
    }

    /// Sends small writes at once (`true`, the default) or lets the operating system gather them.
    pub fn set_nodelay(&self, nodelay: bool) {
        self.shared.with_rare(|rare| rare.options.nodelay = Some(nodelay));
        self.shared.ask_attention();
    }

    /// Has the operating system probe the peer after this time without traffic, so that one that vanished is noticed;
    /// `None`, the default, turns that off. Systems round to seconds and limit the range.
    pub fn set_keepalive(&self, after: Option<Duration>) {
        self.shared.with_rare(|rare| rare.options.keepalive = Some(after));
        self.shared.ask_attention();
    }

    /// The peer's address. Where a layer has learnt of another, as from a PROXY header, it is that one.
    pub fn peer(&self) -> &Address {
        &self.shared.peer
    }

    /// The address of this end. Where a layer has learnt of another, as from a PROXY header, it is that one.
    pub fn host(&self) -> &Address {
        &self.shared.host
    }

    /// The address of the socket's other end, which may be a proxy's.
    pub fn socket_peer(&self) -> Address {
        let socket = self.shared.take_rare(|rare| rare.socket.as_ref().map(|both| both.0.clone()));
        socket.unwrap_or_else(|| self.shared.peer.clone())
    }

    /// The address of the socket's own end.
    pub fn socket_host(&self) -> Address {
        let socket = self.shared.take_rare(|rare| rare.socket.as_ref().map(|both| both.1.clone()));
        socket.unwrap_or_else(|| self.shared.host.clone())
    }

    /// Puts other addresses in the place of the socket's, which is possible until the connection has a protocol.
    pub(crate) fn replace_addresses(&mut self, peer: Address, host: Address) {
        if let Some(shared) = Rc::get_mut(&mut self.shared) {
            let before =
                (std::mem::replace(&mut shared.peer, peer), std::mem::replace(&mut shared.host, host));
            shared.with_rare(|rare| rare.socket = rare.socket.take().or_else(|| Some(Box::new(before))));
        }
    }

    /// The connection's name, unique among those that this reactor has open and safe to use in other threads.
    pub fn id(&self) -> ConnectionId {
        self.shared.id
    }

    /// The reactor that the connection belongs to.
    pub fn reactor(&self) -> &ReactorHandle {
        &self.shared.reactor
    }
}

impl fmt::Debug for Transport {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("Transport")
            .field("id", &self.shared.id)
            .field("peer", &self.shared.peer)
            .field("state", &self.shared.state())
            .field("buffered", &self.shared.buffered())
            .finish_non_exhaustive()
    }
}
