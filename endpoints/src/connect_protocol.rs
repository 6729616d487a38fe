//! One connection for one protocol.

use std::cell::Cell;
use std::rc::Rc;

use ropewalk_reactor::{ConnectResult, Deferred, Protocol, ReactorHandle, factory_fn};

use crate::ClientEndpoint;

/// Connects `protocol` to `endpoint`: for a protocol that has been made already, where a factory would serve once. The
/// result comes after its `connection_made`; cancelling the deferred gives the attempt up.
///
/// ```no_run
/// use ropewalk_endpoints::{TcpClientEndpoint, connect_protocol};
/// # use ropewalk_reactor::{Protocol, Reactor, Result, Transport};
/// # struct Greeter { name: String }
/// # impl Protocol for Greeter {
/// #     fn data_received(&mut self, _: &Transport, _: &[u8]) -> Result { Ok(()) }
/// # }
/// # let reactor = Reactor::new()?;
/// let endpoint: TcpClientEndpoint = "127.0.0.1:8123".parse()?;
/// connect_protocol(&reactor, &endpoint, Greeter { name: "Fred".into() }).then(|result| {
///     if let Err(error) = result {
///         println!("{error}");
///     }
/// });
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub fn connect_protocol(
    reactor: &ReactorHandle,
    endpoint: &(impl ClientEndpoint + ?Sized),
    protocol: impl Protocol + 'static,
) -> Deferred<ConnectResult> {
    let protocol: Cell<Option<Box<dyn Protocol>>> = Cell::new(Some(Box::new(protocol)));
    endpoint.connect_shared(reactor, Rc::new(factory_fn(move |_| protocol.take())))
}
