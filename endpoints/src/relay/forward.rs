//! Forwarding a port.

use std::cell::RefCell;
use std::fmt;
use std::rc::Rc;

use ropewalk_reactor::{Address, Deferred, Factory, Protocol, Reason, Result, Transport};

use super::pipe::pipe;
use crate::ClientEndpoint;

/// How much is read of a client before its backend is connected; one read may go beyond it.
const EARLY_MAX: usize = 16 * 1024;

/// A factory that passes each connection on to a backend: a port forwarder.
///
/// For each client that is accepted a connection to the backend is made. What the client sends meanwhile is kept; beyond
/// 16 KiB its reading is paused. Then both are joined as by [`pipe`]: each side's half-close reaches the other, a slow side
/// slows the other down, and the end of one ends the other in the same way, orderly or not, once what was written to it has been
/// sent.
///
/// If there is no connection to the backend, the client is closed with the
/// [`ConnectError`](ropewalk_reactor::ConnectError) as its reason, which is logged and says whereto and why. If the client is
/// lost while the backend is being connected, the attempt is cancelled. How long an attempt may take is an option of the
/// endpoint.
///
/// ```
/// use ropewalk_endpoints::{PortForward, ServerEndpoint, TcpClientEndpoint, TcpServerEndpoint};
/// # use ropewalk_reactor::Reactor;
///
/// let backend: TcpClientEndpoint = "127.0.0.1:5432".parse()?;
/// let reactor = Reactor::new()?;
/// "127.0.0.1:0".parse::<TcpServerEndpoint>()?.listen(&reactor, PortForward::new(backend))?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub struct PortForward {
    backend: Rc<dyn ClientEndpoint>,
}

impl PortForward {
    /// Forwards to `backend`, to which a connection is made for each client.
    pub fn new(backend: impl ClientEndpoint + 'static) -> Self {
        Self { backend: Rc::new(backend) }
    }
}

impl Factory for PortForward {
    fn build_protocol(&self, _peer: &Address) -> Option<Box<dyn Protocol>> {
        let backend = Rc::clone(&self.backend);
        Some(Box::new(Waiting { backend, attempt: None, early: Early::default() }))
    }
}

impl fmt::Debug for PortForward {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("PortForward")
    }
}

/// What a client has sent before its backend is connected; taken by the backend, or by nobody if the client is lost.
type Early = Rc<RefCell<Option<Input>>>;

#[derive(Default)]
struct Input {
    bytes: Vec<u8>,
    is_finished: bool,
}

/// A client that waits for its backend.
struct Waiting {
    backend: Rc<dyn ClientEndpoint>,
    attempt: Option<Deferred<()>>,
    early: Early,
}

impl Protocol for Waiting {
    fn connection_made(&mut self, transport: &Transport) {
        self.early.replace(Some(Input::default()));
        let (client, early) = (transport.clone(), Rc::clone(&self.early));
        let factory = ropewalk_reactor::factory_fn(move |_| {
            Some(Box::new(Backend { client: client.clone(), early: Rc::clone(&early) }))
        });
        let attempt = self.backend.connect_shared(transport.reactor(), Rc::new(factory));
        let client = transport.clone();
        self.attempt = Some(attempt.map(move |result| {
            if let Err(error) = result {
                client.fail(error);
            }
        }));
    }

    fn data_received(&mut self, transport: &Transport, data: &[u8]) -> Result {
        if let Some(input) = self.early.borrow_mut().as_mut() {
            input.bytes.extend_from_slice(data);
            if input.bytes.len() >= EARLY_MAX {
                transport.pause_reading();
            }
        }
        Ok(())
    }

    fn eof_received(&mut self, _: &Transport) -> Result {
        if let Some(input) = self.early.borrow_mut().as_mut() {
            input.is_finished = true;
        }
        Ok(())
    }

    fn connection_lost(&mut self, _: &Transport, _: &Reason) {
        self.early.replace(None);
        if let Some(attempt) = self.attempt.take() {
            attempt.cancel();
        }
    }
}

/// A backend that has just been connected.
struct Backend {
    client: Transport,
    early: Early,
}

impl Protocol for Backend {
    fn connection_made(&mut self, transport: &Transport) {
        let Some(Input { bytes, is_finished }) = self.early.take() else {
            // The client has gone in the meantime.
            transport.abort_connection();
            return;
        };
        transport.write(bytes);
        if is_finished {
            transport.lose_write_connection();
        }
        pipe(&self.client, transport);
    }

    /// The pipe takes over before anything comes.
    fn data_received(&mut self, _: &Transport, _: &[u8]) -> Result {
        Ok(())
    }
}
