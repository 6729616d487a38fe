//! What clients of Ropewalk say to foreign servers.

use std::cell::RefCell;
use std::rc::Rc;
use std::time::{Duration, Instant};

use ropewalk::{
    ClientEndpoint, Protocol, Reactor, Reason, Result, TlsInfo, TlsTransport, Transport, for_protocol,
};

use crate::PATIENCE;

/// A conversation that was held.
#[derive(Debug)]
pub struct Spoken {
    /// What TLS has agreed on, if there was any.
    pub tls: Option<TlsInfo>,
    /// All that came.
    pub heard: Vec<u8>,
    /// Why the connection ended.
    pub reason: String,
}

/// Says something, and closes when it has heard the answer.
struct Client {
    question: Rc<[u8]>,
    answer: Rc<[u8]>,
    spoken: Spoken,
    result: Rc<RefCell<Option<Outcome>>>,
}

type Outcome = std::result::Result<Spoken, String>;

impl Protocol for Client {
    fn connection_made(&mut self, transport: &Transport) {
        self.spoken.tls = transport.tls();
        transport.write(&*self.question);
    }

    fn data_received(&mut self, transport: &Transport, data: &[u8]) -> Result {
        self.spoken.heard.extend_from_slice(data);
        if self.spoken.heard.ends_with(&self.answer) {
            transport.lose_connection();
        }
        Ok(())
    }

    fn connection_lost(&mut self, _: &Transport, reason: &Reason) {
        let (tls, heard) = (self.spoken.tls.take(), std::mem::take(&mut self.spoken.heard));
        *self.result.borrow_mut() = Some(Ok(Spoken { tls, heard, reason: reason.to_string() }));
    }
}

/// Connects, says `question` and closes when what comes ends with `answer`. The error is why there was no connection.
#[track_caller]
pub fn converse(
    endpoint: &impl ClientEndpoint,
    question: impl Into<Rc<[u8]>>,
    answer: impl Into<Rc<[u8]>>,
) -> Outcome {
    let (question, answer) = (question.into(), answer.into());
    let result = Rc::new(RefCell::new(None));
    let mut reactor = Reactor::new().unwrap();
    let shared = Rc::clone(&result);
    let factory = for_protocol(move || Client {
        question: Rc::clone(&question),
        answer: Rc::clone(&answer),
        spoken: Spoken { tls: None, heard: Vec::new(), reason: String::new() },
        result: Rc::clone(&shared),
    });
    let failed = Rc::clone(&result);
    endpoint.connect(&reactor, factory).then(move |connected| {
        if let Err(error) = connected {
            *failed.borrow_mut() = Some(Err(error.to_string()));
        }
    });
    let deadline = Instant::now() + PATIENCE;
    while result.borrow().is_none() {
        assert!(Instant::now() < deadline, "the conversation does not end");
        let _ = reactor.run_once(Some(Duration::from_millis(50))).unwrap();
    }
    result.take().unwrap()
}
