//! A protocol for datagrams that notes everything it hears, and does what a test tells it to.
#![allow(dead_code, reason = "every test file is a crate of its own and uses its part")]
#![allow(clippy::unwrap_used, reason = "in a test a panic is the report")]

use std::any::Any;
use std::cell::RefCell;
use std::rc::Rc;

use ropewalk::{Address, DatagramError, DatagramProtocol, DatagramTransport, Result};

/// What was heard, in order: each callback in a line. Clones share it.
#[derive(Clone, Default)]
pub(crate) struct Log(Rc<RefCell<Vec<String>>>);

impl Log {
    pub(crate) fn push(&self, line: impl Into<String>) {
        self.0.borrow_mut().push(line.into());
    }

    /// All that was heard.
    pub(crate) fn heard(&self) -> Vec<String> {
        self.0.borrow().clone()
    }

    /// What was heard since this was last called.
    pub(crate) fn take(&self) -> Vec<String> {
        self.0.take()
    }

    pub(crate) fn has(&self, line: &str) -> bool {
        self.0.borrow().iter().any(|heard| heard == line)
    }

    /// How many lines begin so.
    pub(crate) fn count(&self, beginning: &str) -> usize {
        self.0.borrow().iter().filter(|heard| heard.starts_with(beginning)).count()
    }
}

type Hook = Rc<dyn Fn(&DatagramTransport)>;
type DatagramHook = Rc<dyn Fn(&DatagramTransport, &[u8], &Address) -> Result>;
type ErrorHook = Rc<dyn Fn(&DatagramTransport, &DatagramError)>;

/// The protocol. Without hooks it only notes: `started`, `got DATA`, `error TEXT`, `event TEXT`, `stopped`. A datagram of
/// more than 100 bytes is noted by its length.
#[derive(Clone)]
pub(crate) struct Probe {
    log: Log,
    started: Hook,
    datagram: DatagramHook,
    error: ErrorHook,
    stopped: Hook,
}

impl Probe {
    pub(crate) fn new(log: &Log) -> Self {
        Self {
            log: log.clone(),
            started: Rc::new(|_| ()),
            datagram: Rc::new(|_, _, _| Ok(())),
            error: Rc::new(|_, _| ()),
            stopped: Rc::new(|_| ()),
        }
    }

    /// One that sends back what it hears.
    pub(crate) fn echo(log: &Log) -> Self {
        Self::new(log).on_datagram(|transport, data, from| Ok(transport.send_to(data, from)?))
    }

    pub(crate) fn on_started(mut self, hook: impl Fn(&DatagramTransport) + 'static) -> Self {
        self.started = Rc::new(hook);
        self
    }

    pub(crate) fn on_datagram(
        mut self,
        hook: impl Fn(&DatagramTransport, &[u8], &Address) -> Result + 'static,
    ) -> Self {
        self.datagram = Rc::new(hook);
        self
    }

    pub(crate) fn on_error(mut self, hook: impl Fn(&DatagramTransport, &DatagramError) + 'static) -> Self {
        self.error = Rc::new(hook);
        self
    }

    pub(crate) fn on_stopped(mut self, hook: impl Fn(&DatagramTransport) + 'static) -> Self {
        self.stopped = Rc::new(hook);
        self
    }
}

impl DatagramProtocol for Probe {
    fn started(&mut self, transport: &DatagramTransport) {
        self.log.push("started");
        (self.started)(transport);
    }

    fn datagram_received(&mut self, transport: &DatagramTransport, data: &[u8], from: &Address) -> Result {
        match data.len() {
            0..=100 => self.log.push(format!("got {}", data.escape_ascii())),
            length => self.log.push(format!("got {length} bytes")),
        }
        (self.datagram)(transport, data, from)
    }

    fn error_received(&mut self, transport: &DatagramTransport, error: &DatagramError) {
        self.log.push(format!("error {error}"));
        (self.error)(transport, error);
    }

    fn event_received(&mut self, _: &DatagramTransport, event: Box<dyn Any>) {
        self.log.push(format!("event {}", event.downcast::<&str>().unwrap()));
    }

    fn stopped(&mut self, transport: &DatagramTransport) {
        self.log.push("stopped");
        (self.stopped)(transport);
    }
}
