//! What the tests of endpoints share.
#![allow(dead_code, reason = "every test file is a crate of its own and uses its part")]

use std::cell::RefCell;
use std::rc::Rc;
use std::time::{Duration, Instant};

use ropewalk_reactor::{Factory, Protocol, Reactor, Result, Transport, for_protocol};

/// Longer than anything here takes; a test that waits as long has failed.
const PATIENCE: Duration = Duration::from_secs(10);

/// A factory of protocols that send `greeting` and note what they receive.
pub(crate) fn greeter(greeting: &'static str) -> (impl Factory, Rc<RefCell<Vec<u8>>>) {
    let received = Rc::new(RefCell::new(Vec::new()));
    let shared = Rc::clone(&received);
    (for_protocol(move || Greeter { greeting, received: Rc::clone(&shared) }), received)
}

struct Greeter {
    greeting: &'static str,
    received: Rc<RefCell<Vec<u8>>>,
}

impl Protocol for Greeter {
    fn connection_made(&mut self, transport: &Transport) {
        transport.write(self.greeting);
    }

    fn data_received(&mut self, _: &Transport, data: &[u8]) -> Result {
        self.received.borrow_mut().extend_from_slice(data);
        Ok(())
    }
}

/// Runs the reactor until `done`.
#[track_caller]
pub(crate) fn run_until(reactor: &mut Reactor, done: impl Fn() -> bool) {
    let deadline = Instant::now() + PATIENCE;
    while !done() {
        assert!(Instant::now() < deadline, "it did not happen within {PATIENCE:?}");
        let _ = reactor.run_once(Some(Duration::from_millis(50))).unwrap();
    }
}
