//! Listening behind proxies.

use std::io;
use std::rc::Rc;

use ropewalk_reactor::{Address, Factory, Layer, ListeningPort, ReactorHandle};

use super::layer::ProxyHeaderLayer;
use super::options::{ProxyOptions, Untrusted};
use crate::{Policy, ServerEndpoint};

/// A place to listen on behind proxies that begin each connection with a PROXY header, such as HAProxy and the load
/// balancers of clouds.
///
/// [`Transport::peer`](ropewalk_reactor::Transport::peer) and [`Transport::host`](ropewalk_reactor::Transport::host) are
/// what the header says, from `connection_made` on; the socket's own addresses remain if the header says none (LOCAL,
/// UNKNOWN). The factory's `build_protocol` is asked about the client, its `admit` about the proxy, as no header has come by
/// then. The header itself is `transport.keepsake::<ProxyHeader>()`.
///
/// The header is the first thing on the wire, before any TLS, whichever endpoint wraps the other. A connection that begins
/// with anything else, or with nothing for five seconds, is closed.
///
/// # Security
///
/// Whoever sends the header says who the client is. Everybody must send one here, and everybody is believed: let only
/// proxies reach the port, or name them in [`ProxyOptions::trusted`]. Whether there is a header is never guessed from what
/// comes, as that would let any client invent its address.
///
/// ```
/// use ropewalk_endpoints::{ProxyServerEndpoint, ServerEndpoint, TcpServerEndpoint};
/// # use ropewalk_reactor::{Protocol, Reactor, Result, Transport, for_protocol};
///
/// struct WhoAmI;
///
/// impl Protocol for WhoAmI {
///     fn connection_made(&mut self, transport: &Transport) {
///         transport.write(format!("you are {}\r\n", transport.peer()));
///     }
/// #    fn data_received(&mut self, _: &Transport, _: &[u8]) -> Result { Ok(()) }
/// }
///
/// let reactor = Reactor::new()?;
/// let endpoint = ProxyServerEndpoint::new("127.0.0.1:0".parse::<TcpServerEndpoint>()?);
/// let port = endpoint.listen(&reactor, for_protocol(|| WhoAmI))?;
/// # let _ = port;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug)]
pub struct ProxyServerEndpoint<E> {
    inner: E,
    options: Rc<ProxyOptions>,
}

impl<E> ProxyServerEndpoint<E> {
    /// The place of `inner`, for proxies.
    pub fn new(inner: E) -> Self {
        Self { inner, options: Rc::default() }
    }

    /// The same endpoint with other options than the default ones.
    #[must_use]
    pub fn with_options(self, options: ProxyOptions) -> Self {
        Self { options: Rc::new(options), ..self }
    }
}

impl<E: ServerEndpoint> ServerEndpoint for ProxyServerEndpoint<E> {
    fn listen_shared(&self, reactor: &ReactorHandle, factory: Rc<dyn Factory>) -> io::Result<ListeningPort> {
        let proxied = Proxied { options: Rc::clone(&self.options) };
        self.inner.listen(reactor, proxied.around(factory))
    }
}

/// Puts a [`ProxyHeaderLayer`] under connections.
struct Proxied {
    options: Rc<ProxyOptions>,
}

impl Policy for Proxied {
    fn admit(&self, peer: &Address, layers: &mut Vec<Box<dyn Layer>>) -> bool {
        if self.options.trusts(peer) {
            layers.insert(0, Box::new(ProxyHeaderLayer::new(Rc::clone(&self.options))));
        } else if self.options.untrusted == Untrusted::Refused {
            log::debug!("{peer} was refused: it is no trusted proxy");
            return false;
        }
        true
    }
}
