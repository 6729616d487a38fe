//! A socket's protocol, which minds that it is called in order and that nothing is lost unsaid.

use std::any::Any;
use std::cell::{Cell, RefCell};
use std::collections::VecDeque;
use std::net::SocketAddr;
use std::rc::Rc;

use ropewalk::{Address, DatagramError, DatagramProtocol, DatagramSendError, DatagramTransport, Result};

pub(crate) type Deed = Box<dyn FnOnce(&DatagramTransport, &Notes) -> Result>;

/// What is known of a socket.
#[derive(Default)]
pub(crate) struct Notes {
    pub(crate) index: u8,
    pub(crate) max_packet_size: usize,
    pub(crate) output_limit: usize,
    pub(crate) started: Cell<bool>,
    pub(crate) stopped: Cell<bool>,
    /// Nothing more may be delivered.
    pub(crate) told_to_stop: Cell<bool>,
    pub(crate) running: Cell<bool>,
    /// A panic would only stop the socket.
    pub(crate) violations: RefCell<Vec<String>>,
    pub(crate) next: RefCell<Vec<Deed>>,
    /// What has been sent to it and was not delivered yet.
    pub(crate) expected: RefCell<VecDeque<(Vec<u8>, SocketAddr)>>,
    pub(crate) delivered: Cell<usize>,
    /// How many datagrams were accepted, how many of them reported as not sent, and how many refusals there were.
    pub(crate) accepted: Cell<usize>,
    pub(crate) failed: Cell<usize>,
    pub(crate) refused: Cell<usize>,
    /// Settings that were made, and those that failed.
    pub(crate) settings: Cell<usize>,
    pub(crate) settings_failed: Cell<usize>,
}

/// A datagram that tells its place, and whether it is whole.
pub(crate) fn numbered(index: u8, place: usize, length: usize) -> Vec<u8> {
    let mut data = vec![index; length.max(5)];
    data[1..5].copy_from_slice(&u32::try_from(place).unwrap().to_be_bytes());
    data
}

impl Notes {
    pub(crate) fn expect(&self, condition: bool, what: &str) {
        if !condition {
            self.violations.borrow_mut().push(what.to_owned());
        }
    }

    pub(crate) fn send(&self, transport: &DatagramTransport, length: usize, to: SocketAddr) {
        let (queued, is_open) = (transport.queued(), transport.is_open());
        let data = numbered(self.index, self.accepted.get(), length);
        let result = match transport.peer() {
            Some(_) => transport.send(data),
            None => transport.send_to(data, &to.into()),
        };
        match result {
            Ok(()) => {
                self.expect(is_open, "accepted after the stop");
                self.expect(transport.queued() == queued + 1, "not queued");
                self.expect(queued * 256 <= self.output_limit, "more than the limit waits");
                self.accepted.set(self.accepted.get() + 1);
            }
            Err(DatagramSendError::Stopped) => self.expect(!is_open, "stopped too early"),
            Err(DatagramSendError::TooLong { .. }) => self.expect(length > self.output_limit, "too long"),
            Err(DatagramSendError::QueueFull { .. }) => {
                self.expect(queued + self.settings.get() > 0, "full while nothing waits");
            }
            Err(error) => self.expect(false, &error.to_string()),
        }
        self.expect(is_open || transport.queued() == queued, "queued after the stop");
    }

    fn callback(&self, transport: &DatagramTransport, name: &str) -> Result {
        self.expect(!self.running.replace(true), &format!("{name} within another"));
        self.expect(self.started.get(), &format!("{name} before the start"));
        self.expect(!self.stopped.get(), &format!("{name} after the stop"));
        let _running = Running(&self.running);
        let mut result = Ok(());
        for deed in self.next.take() {
            result = deed(transport, self);
        }
        result
    }

    fn arrived(&self) -> Option<(Vec<u8>, SocketAddr)> {
        self.expected.borrow_mut().pop_front()
    }
}

/// Lives as long as a callback, also if it panics.
struct Running<'a>(&'a Cell<bool>);

impl Drop for Running<'_> {
    fn drop(&mut self) {
        self.0.set(false);
    }
}

pub(crate) struct Recorder {
    pub(crate) notes: Rc<Notes>,
}

impl DatagramProtocol for Recorder {
    fn started(&mut self, transport: &DatagramTransport) {
        self.notes.expect(!self.notes.started.replace(true), "started twice");
        let _ = self.notes.callback(transport, "started");
    }

    fn datagram_received(&mut self, transport: &DatagramTransport, data: &[u8], from: &Address) -> Result {
        self.notes.expect(!self.notes.told_to_stop.get(), "a datagram after the stop");
        self.notes.expect(!transport.is_reading_paused(), "a datagram during a pause");
        self.notes.delivered.set(self.notes.delivered.get() + 1);
        let arrived = self.notes.arrived();
        let is_right = arrived.is_some_and(|(sent, sender)| sent == data && from.socket() == Some(sender));
        self.notes.expect(is_right, "not what was sent next");
        self.notes.callback(transport, "datagram_received")
    }

    fn error_received(&mut self, transport: &DatagramTransport, error: &DatagramError) {
        match error {
            DatagramError::Send { .. } => self.notes.failed.set(self.notes.failed.get() + 1),
            DatagramError::Refused { .. } => self.notes.refused.set(self.notes.refused.get() + 1),
            DatagramError::Setting { .. } => {
                self.notes.settings_failed.set(self.notes.settings_failed.get() + 1);
            }
            DatagramError::TooLong { .. } => {
                let most = self.notes.max_packet_size;
                let is_long = self.notes.arrived().is_some_and(|(data, _)| data.len() > most);
                self.notes.expect(is_long, "not too long");
            }
            _ => {}
        }
        let _ = self.notes.callback(transport, "error_received");
    }

    fn event_received(&mut self, transport: &DatagramTransport, event: Box<dyn Any>) {
        let _ = self.notes.callback(transport, "event_received");
        let deed: Deed = *event.downcast::<Deed>().unwrap();
        let _ = deed(transport, &self.notes);
    }

    fn stopped(&mut self, transport: &DatagramTransport) {
        self.notes.expect(!transport.is_open(), "stopped and open");
        let deeds = self.notes.next.take();
        let _ = self.notes.callback(transport, "stopped");
        self.notes.stopped.set(true);
        for deed in deeds {
            let _ = deed(transport, &self.notes);
        }
    }
}
