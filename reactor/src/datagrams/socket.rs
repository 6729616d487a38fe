//! A socket for datagrams as the loop owns it: the socket, the protocol, and what has become ready.

use std::any::Any;
use std::io;

use super::shared::{Queued, Shared, Wish};
use crate::driver::{Datagram, Readiness};
use crate::event_loop::callbacks::{Running, Watch, catch};
use crate::{
    Address, ConnectionId, DatagramError, DatagramProtocol, DatagramSetting, DatagramTransport, Result,
};

/// How many datagrams one socket may receive in one turn before the others have their share (G5), and how many bytes.
const DATAGRAMS_PER_TURN: usize = 64;
const BYTES_PER_TURN: usize = 256 * 1024;

/// How much one socket may send in one turn before the others have their share, counted as the queue is.
const SEND_BUDGET: usize = 1024 * 1024;

/// No system has longer datagrams in its buffers; a limit above this counts as this.
const LONGEST_PACKET: usize = 16 * 1024 * 1024;

/// A socket in the table.
pub(crate) struct DatagramSocket {
    /// `None` once it is closed.
    socket: Option<Box<dyn Datagram>>,
    protocol: Box<dyn DatagramProtocol>,
    transport: DatagramTransport,
    max_packet_size: usize,
    /// For packets that do not fit into the loop's own buffer; empty until one of those is allowed and read.
    buffer: Box<[u8]>,
    /// There may be something to receive. Latched: stays until receiving says otherwise.
    readable: bool,
    /// Sending may succeed. Latched likewise.
    writable: bool,
    /// It is in the list of those to read in the next turn.
    pub(crate) queued: bool,
    /// The loop has put it on the list of losses.
    ending: bool,
    /// A warning was given of a callback that failed. More would let any peer fill the log.
    warned: bool,
}

impl DatagramSocket {
    pub(crate) fn new(
        socket: Box<dyn Datagram>,
        protocol: Box<dyn DatagramProtocol>,
        transport: DatagramTransport,
        max_packet_size: usize,
    ) -> Self {
        Self {
            socket: Some(socket),
            protocol,
            transport,
            max_packet_size: max_packet_size.min(LONGEST_PACKET),
            buffer: Box::default(),
            readable: false,
            writable: true,
            queued: false,
            ending: false,
            warned: false,
        }
    }

    pub(crate) fn transport(&self) -> &DatagramTransport {
        &self.transport
    }

    fn shared(&self) -> &Shared {
        self.transport.shared()
    }

    /// What the protocol calls itself, which is user code too.
    pub(crate) fn protocol_name(&self) -> &'static str {
        catch(|| self.protocol.name()).unwrap_or("a protocol without a name")
    }

    /// Takes its place in the table.
    pub(crate) fn register(&mut self, id: ConnectionId) -> io::Result<()> {
        self.shared().id.set(Some(id));
        self.socket.as_mut().map_or(Ok(()), |socket| socket.register(id.token()))
    }

    /// Tells the protocol that it has a socket. One that could not be registered would hear nothing ever: it stops.
    pub(crate) fn start(&mut self, watch: &mut Watch, registered: io::Result<()>) {
        self.inform(watch, "started", |protocol, transport| protocol.started(transport));
        if let Err(error) = registered {
            self.report(watch, DatagramError::Receive(error));
            self.shared().stop();
        }
        // Whoever had the handle before may have sent already.
        self.shared().ask_attention();
    }

    /// Latches what the driver reported. Returns whether the socket is to be put into the list of those to read.
    pub(crate) fn became_ready(&mut self, readiness: Readiness) -> bool {
        self.readable |= readiness.readable || readiness.read_closed || readiness.error;
        if (readiness.writable || readiness.error) && !self.writable {
            self.writable = true;
            self.shared().ask_attention();
        }
        self.queue()
    }

    /// Whether the socket is to be put into the list of those to read, and is not there yet.
    pub(crate) fn queue(&mut self) -> bool {
        let queues = self.may_receive() && !self.queued;
        self.queued |= queues;
        queues
    }

    fn may_receive(&self) -> bool {
        self.readable && self.transport.is_open() && !self.transport.is_reading_paused()
    }

    /// Receives what there is, within the budget, and delivers it. Afterwards `queued` says whether there may be more.
    pub(crate) fn receive(&mut self, watch: &mut Watch, loop_buffer: &mut [u8]) {
        let mut own_buffer = self.own_buffer(loop_buffer.len());
        let buffer = if own_buffer.is_empty() { loop_buffer } else { &mut own_buffer[..] };
        let (mut bytes, mut failures) = (0, 0);
        for _ in 0..DATAGRAMS_PER_TURN {
            if bytes >= BYTES_PER_TURN || !self.may_receive() {
                break;
            }
            match self.receive_once(watch, buffer) {
                Some(length) => bytes += length,
                None => failures += 1,
            }
        }
        if failures == DATAGRAMS_PER_TURN {
            // An error that does not go away must not keep the loop busy. What else there is will be announced.
            self.readable = false;
        }
        self.buffer = own_buffer;
        self.queued = self.may_receive();
    }

    /// A buffer that shows whether a packet is too long, if the loop's, of `length` bytes, does not.
    fn own_buffer(&mut self, length: usize) -> Box<[u8]> {
        if self.max_packet_size < length || !self.buffer.is_empty() {
            return std::mem::take(&mut self.buffer);
        }
        vec![0; self.max_packet_size + 1].into_boxed_slice()
    }

    /// Receives one datagram and returns its length.
    fn receive_once(&mut self, watch: &mut Watch, buffer: &mut [u8]) -> Option<usize> {
        match self.socket.as_mut()?.receive(buffer) {
            Ok((length, from)) => {
                self.shared().reactor.core().counters.read(length);
                self.deliver(watch, &buffer[..length], from);
                return Some(length);
            }
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => self.readable = false,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => {
                let error = self.refusal(error).unwrap_or_else(DatagramError::Receive);
                self.report(watch, error);
            }
        }
        None
    }

    fn deliver(&mut self, watch: &mut Watch, data: &[u8], from: Address) {
        let limit = self.max_packet_size;
        if data.len() > limit {
            return self.report(watch, DatagramError::TooLong { from, limit });
        }
        self.call(watch, "datagram_received", |protocol, transport| {
            protocol.datagram_received(transport, data, &from)
        });
    }

    /// What `error` means on a connected socket, if it means that nobody receives at the peer.
    fn refusal(&self, error: io::Error) -> std::result::Result<DatagramError, io::Error> {
        match self.transport.peer() {
            Some(peer) if error.kind() == io::ErrorKind::ConnectionRefused => {
                Ok(DatagramError::Refused { peer: peer.clone() })
            }
            _ => Err(error),
        }
    }

    /// Does what handles have asked for, within the budget or, if it is the last time, all that the system takes.
    pub(crate) fn settle(&mut self, watch: &mut Watch) {
        self.shared().attention_given();
        // What is sent in answer to a failure waits for the next turn, lest this go on for ever.
        let mut budget = SEND_BUDGET.min(self.shared().cost());
        while self.writable && (budget > 0 || !self.transport.is_open()) {
            let Some(wish) = self.shared().next() else {
                return;
            };
            budget = budget.saturating_sub(wish.cost());
            match wish {
                Wish::Send(queued) => self.send(watch, queued),
                Wish::Set(setting) => self.set(watch, setting),
            }
        }
        if self.writable && self.shared().cost() > 0 {
            self.shared().ask_attention();
        }
    }

    fn send(&mut self, watch: &mut Watch, queued: Queued) {
        let Some(socket) = self.socket.as_mut() else {
            return;
        };
        let to = if self.transport.peer().is_none() { Some(&queued.to) } else { None };
        match socket.send(&queued.data, to) {
            Ok(()) => self.shared().reactor.core().counters.written(queued.data.len()),
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                self.writable = false;
                self.shared().put_back(queued);
            }
            Err(error) if error.kind() == io::ErrorKind::Interrupted => self.shared().put_back(queued),
            Err(error) => self.not_sent(watch, queued, error),
        }
    }

    fn not_sent(&mut self, watch: &mut Watch, mut queued: Queued, error: io::Error) {
        let error = match (self.refusal(error), &queued.to) {
            (Ok(refusal), Address::Udp(_)) if !queued.offered => {
                // It tells of an earlier datagram; this one was not even tried.
                queued.offered = true;
                self.shared().put_back(queued);
                refusal
            }
            (Ok(refusal), _) => refusal,
            (Err(error), _) => DatagramError::Send { to: queued.to, error },
        };
        self.report(watch, error);
    }

    fn set(&mut self, watch: &mut Watch, setting: DatagramSetting) {
        if let Some(Err(error)) = self.socket.as_mut().map(|socket| socket.set(&setting)) {
            self.report(watch, DatagramError::Setting { setting, error });
        }
    }

    pub(crate) fn event_received(&mut self, watch: &mut Watch, event: Box<dyn Any>) {
        self.inform(watch, "event_received", |protocol, transport| protocol.event_received(transport, event));
    }

    /// Tells the protocol of something that has gone wrong.
    fn report(&mut self, watch: &mut Watch, error: DatagramError) {
        log::debug!("datagrams at {}: {error}", self.transport.host());
        self.inform(watch, "error_received", |protocol, transport| {
            protocol.error_received(transport, &error)
        });
    }

    /// Whether the socket was stopped, the first time that is asked.
    pub(crate) fn begin_ending(&mut self) -> bool {
        let begins = !self.transport.is_open() && !self.ending;
        self.ending |= begins;
        begins
    }

    /// Closes the socket and tells the protocol.
    pub(crate) fn end(&mut self, watch: &mut Watch) {
        self.shared().discard_queue();
        self.socket = None;
        self.inform(watch, "stopped", |protocol, transport| protocol.stopped(transport));
    }

    /// Drops the protocol and the socket; a panic in a destructor is contained.
    pub(crate) fn discard(self) {
        let Self { socket, protocol, transport, .. } = self;
        drop(socket);
        transport.shared().discard_queue();
        transport.reactor().core().run_guarded("a protocol's destructor", || drop(protocol));
    }

    fn inform(
        &mut self,
        watch: &mut Watch,
        callback: &'static str,
        call: impl FnOnce(&mut dyn DatagramProtocol, &DatagramTransport),
    ) {
        self.call(watch, callback, |protocol, transport| {
            call(protocol, transport);
            Ok(())
        });
    }

    /// Calls the protocol. An error is logged; a panic stops the socket.
    fn call(
        &mut self,
        watch: &mut Watch,
        callback: &'static str,
        call: impl FnOnce(&mut dyn DatagramProtocol, &DatagramTransport) -> Result,
    ) {
        if let Some(id) = self.shared().id.get() {
            watch.begin(Running::Callback(id, callback));
        }
        // An error's words and its destructor are user code as well.
        let outcome =
            catch(|| call(&mut *self.protocol, &self.transport).map_err(|error| error.to_string()).err());
        let host = self.transport.host();
        match outcome {
            Ok(None) => {}
            Ok(Some(error)) => {
                let level = if self.warned { log::Level::Debug } else { log::Level::Warn };
                self.warned = true;
                let name = self.protocol_name();
                log::log!(level, "datagrams at {host}: {callback} of {name} failed: {error}");
            }
            Err(message) => {
                let what = format!("datagrams at {host}: {callback} of {}", self.protocol_name());
                self.shared().reactor.core().report_panic(&what, &message);
                self.shared().discard_queue();
                self.shared().stop();
            }
        }
    }
}
