//! Connecting through a proxy.

use std::rc::Rc;
use std::time::Duration;

use ropewalk_reactor::{Address, ConnectOptions, ConnectResult, Deferred, Factory, Layer, ReactorHandle};

use super::credentials::Socks5Credentials;
use super::layer::Socks5Layer;
use super::target::Socks5Target;
use crate::{ClientEndpoint, Policy};

/// A place to connect to through a SOCKS proxy, version 5 (RFC 1928). The first endpoint leads to the proxy; a target that is a
/// name is looked up by the proxy.
///
/// If the proxy refuses, the error is the [`Socks5Error`](crate::Socks5Error), such as "the SOCKS proxy could not reach
/// example.com:80: connection refused".
///
/// For a target that is an IP address, [`Transport::peer`](ropewalk_reactor::Transport::peer) is the target, and
/// [`Transport::host`](ropewalk_reactor::Transport::host) the address from which the proxy says that it has connected, which
/// with many proxies is 0.0.0.0 and port 0. For a name, both are those of the connection to the proxy. The factory's `admit` is
/// asked about the proxy.
///
/// Endpoints nest: TLS to the target goes around this one, and a second SOCKS proxy behind the first is a
/// `Socks5ClientEndpoint<Socks5ClientEndpoint<…>>`.
///
/// ```
/// use ropewalk_endpoints::{ClientEndpoint, Socks5ClientEndpoint, Socks5Credentials, Socks5Options, TcpClientEndpoint};
/// # use ropewalk_reactor::{Protocol, Reactor, Result, Transport, for_protocol};
/// # struct Printer;
/// # impl Protocol for Printer {
/// #     fn data_received(&mut self, _: &Transport, _: &[u8]) -> Result { Ok(()) }
/// # }
///
/// let reactor = Reactor::new()?;
/// let mut options = Socks5Options::default();
/// options.credentials = Some(Socks5Credentials::new("alice", "secret")?);
/// let proxy: TcpClientEndpoint = "127.0.0.1:1080".parse()?;
/// let endpoint = Socks5ClientEndpoint::new(proxy, "example.com:80".parse()?).with_options(options);
/// endpoint.connect(&reactor, for_protocol(|| Printer)).then(|result| {
///     if let Err(error) = result {
///         println!("{error}"); // connecting to 127.0.0.1:1080: the SOCKS proxy could not reach example.com:80: connection refused
///     }
/// });
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug)]
pub struct Socks5ClientEndpoint<E> {
    proxy: E,
    target: Rc<Socks5Target>,
    options: Rc<Socks5Options>,
}

/// How a SOCKS proxy is asked.
#[derive(Clone, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub struct Socks5Options {
    /// Who asks. They are sent if the proxy wants them. Default: nobody.
    pub credentials: Option<Socks5Credentials>,
    /// How long the proxy may take to answer everything, which includes its own connecting. Default 30 seconds.
    pub timeout: Duration,
}

impl Socks5Options {
    /// The default of [`Socks5Options::timeout`].
    pub const DEFAULT_TIMEOUT: Duration = ConnectOptions::DEFAULT_TIMEOUT;
}

impl Default for Socks5Options {
    fn default() -> Self {
        Self { credentials: None, timeout: Self::DEFAULT_TIMEOUT }
    }
}

impl<E> Socks5ClientEndpoint<E> {
    /// `target`, through the proxy at `proxy`.
    pub fn new(proxy: E, target: Socks5Target) -> Self {
        Self { proxy, target: Rc::new(target), options: Rc::default() }
    }

    /// The same endpoint with other options than the default ones.
    #[must_use]
    pub fn with_options(self, options: Socks5Options) -> Self {
        Self { options: Rc::new(options), ..self }
    }
}

impl<E: ClientEndpoint> ClientEndpoint for Socks5ClientEndpoint<E> {
    fn connect_shared(&self, reactor: &ReactorHandle, factory: Rc<dyn Factory>) -> Deferred<ConnectResult> {
        let (target, options) = (Rc::clone(&self.target), Rc::clone(&self.options));
        self.proxy.connect(reactor, Relayed { target, options }.around(factory))
    }
}

/// Puts a [`Socks5Layer`] under connections.
struct Relayed {
    target: Rc<Socks5Target>,
    options: Rc<Socks5Options>,
}

impl Policy for Relayed {
    fn admit(&self, _: &Address, layers: &mut Vec<Box<dyn Layer>>) -> bool {
        let layer = Socks5Layer::new(Rc::clone(&self.target), Rc::clone(&self.options));
        layers.push(Box::new(layer));
        true
    }
}
