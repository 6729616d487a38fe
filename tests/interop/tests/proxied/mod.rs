//! A server that says whom it sees, and clients of it, in one reactor.

use std::cell::RefCell;
use std::net::SocketAddr;
use std::rc::Rc;
use std::time::{Duration, Instant};

use ropewalk::{
    ClientEndpoint, Protocol, ProxyHeader, Reactor, Reason, Result, ServerEndpoint, Transport, for_protocol,
};
use ropewalk_interop::PATIENCE;

/// Says whom it sees, then what it hears.
struct WhoAmI {
    seen: Rc<RefCell<Vec<String>>>,
}

impl Protocol for WhoAmI {
    fn connection_made(&mut self, transport: &Transport) {
        let mut seen = format!("{} at {}", transport.peer(), transport.host());
        if let Some(header) = transport.keepsake::<ProxyHeader>() {
            let tlvs: Vec<String> = header.tlvs().map(|tlv| format!("{tlv:?}")).collect();
            seen = format!("{seen}, local: {}, {}", header.is_local(), tlvs.join(" "));
        }
        transport.write(format!("{seen}\n"));
        self.seen.borrow_mut().push(seen);
    }

    fn data_received(&mut self, transport: &Transport, data: &[u8]) -> Result {
        transport.write(data);
        Ok(())
    }
}

/// Sends a greeting, and keeps what it hears until that has come back.
struct Client {
    greeting: &'static str,
    heard: Rc<RefCell<Vec<u8>>>,
    end: Rc<RefCell<Option<std::result::Result<(), String>>>>,
}

impl Protocol for Client {
    fn connection_made(&mut self, transport: &Transport) {
        transport.write(self.greeting);
    }

    fn data_received(&mut self, transport: &Transport, data: &[u8]) -> Result {
        let mut heard = self.heard.borrow_mut();
        heard.extend_from_slice(data);
        if heard.ends_with(self.greeting.as_bytes()) {
            transport.lose_connection();
        }
        Ok(())
    }

    fn connection_lost(&mut self, _: &Transport, reason: &Reason) {
        let end = if reason.is_clean() { Ok(()) } else { Err(reason.to_string()) };
        *self.end.borrow_mut() = Some(end);
    }
}

pub(crate) struct World {
    reactor: Reactor,
    /// What the servers have seen.
    pub(crate) seen: Rc<RefCell<Vec<String>>>,
}

impl World {
    pub(crate) fn new() -> Self {
        Self { reactor: Reactor::new().unwrap(), seen: Rc::default() }
    }

    /// Listens with a server that says whom it sees.
    pub(crate) fn listen(&self, endpoint: &impl ServerEndpoint) -> SocketAddr {
        let seen = Rc::clone(&self.seen);
        let port = endpoint.listen(&self.reactor, for_protocol(move || WhoAmI { seen: Rc::clone(&seen) }));
        port.unwrap().address().socket().unwrap()
    }

    /// Connects, says the greeting, and returns all that comes back until that does, or why there is no connection.
    pub(crate) fn talk(
        &mut self,
        endpoint: &impl ClientEndpoint,
        greeting: &'static str,
    ) -> std::result::Result<String, String> {
        let (heard, end) = (Rc::default(), Rc::default());
        let client = (Rc::clone(&heard), Rc::clone(&end));
        let factory =
            for_protocol(move || Client { greeting, heard: Rc::clone(&client.0), end: Rc::clone(&client.1) });
        let failed = Rc::clone(&end);
        endpoint.connect(&self.reactor, factory).then(move |result| {
            if let Err(error) = result {
                *failed.borrow_mut() = Some(Err(error.to_string()));
            }
        });
        self.run_until(|_| end.borrow().is_some());
        let result = end.borrow_mut().take().unwrap();
        result.map(|()| String::from_utf8(heard.take()).unwrap())
    }

    #[track_caller]
    pub(crate) fn run_until(&mut self, done: impl Fn(&[String]) -> bool) {
        let begin = Instant::now();
        while !done(&self.seen.borrow()) {
            assert!(begin.elapsed() < PATIENCE, "it did not happen; seen were {:?}", self.seen.borrow());
            let _ = self.reactor.run_once(Some(Duration::from_millis(50))).unwrap();
        }
    }
}
