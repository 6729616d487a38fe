//! Ends of ours that talk to the package's.

use std::cell::RefCell;
use std::collections::VecDeque;
use std::rc::Rc;
use std::time::{Duration, Instant};

use ropewalk::{
    ClientEndpoint, Reactor, Reason, Result, TcpClientEndpoint, TinyProtocol, TinyReceiver, Transmit,
    Transport, for_protocol,
};
use ropewalk_interop::PATIENCE;

/// What a client of ours has heard, and how that ended.
#[derive(Default)]
pub(crate) struct Heard {
    pub(crate) messages: Vec<Vec<u8>>,
    pub(crate) reason: Option<String>,
}

/// Says one message after the other, each when the one before has been answered, and then waits for the end.
struct Asks {
    questions: VecDeque<Vec<u8>>,
    heard: Rc<RefCell<Heard>>,
}

impl Asks {
    fn ask(&mut self, transport: &Transport) {
        if let Some(question) = self.questions.pop_front() {
            transport.transmit(question);
        }
    }
}

impl TinyProtocol for Asks {
    fn ready(&mut self, transport: &Transport) {
        self.ask(transport);
    }

    fn message_received(&mut self, transport: &Transport, message: &[u8]) -> Result {
        self.heard.borrow_mut().messages.push(message.to_vec());
        self.ask(transport);
        Ok(())
    }

    fn connection_lost(&mut self, _: &Transport, reason: &Reason) {
        self.heard.borrow_mut().reason = Some(reason.to_string());
    }
}

/// How a receiver is made from its protocol.
type Options<P> = fn(TinyReceiver<P>) -> TinyReceiver<P>;

/// Connects to a port of 127.0.0.1, asks all `questions`, and returns what was heard when the server has closed.
#[track_caller]
pub(crate) fn ask(port: u16, questions: &[Vec<u8>], zlib: bool) -> Heard {
    let with_zlib: Options<_> = |receiver| receiver.plugin(ropewalk::ZlibPlugin);
    let options: Options<_> = if zlib { with_zlib } else { |receiver| receiver };
    let heard = Rc::<RefCell<Heard>>::default();
    let (shared, questions) = (Rc::clone(&heard), VecDeque::from(questions.to_vec()));
    let factory = for_protocol(move || {
        let asks = Asks { questions: questions.clone(), heard: Rc::clone(&shared) };
        options(TinyReceiver::client(asks).max_message(32 * 1024 * 1024))
    });
    let mut reactor = Reactor::new().unwrap();
    let endpoint: TcpClientEndpoint = format!("127.0.0.1:{port}").parse().unwrap();
    drop(endpoint.connect(&reactor, factory));
    let deadline = Instant::now() + 3 * PATIENCE;
    while heard.borrow().reason.is_none() {
        assert!(Instant::now() < deadline, "{} answers only", heard.borrow().messages.len());
        let _ = reactor.run_once(Some(Duration::from_millis(50))).unwrap();
    }
    heard.take()
}
