//! Connecting as a proxy.

use std::rc::Rc;

use ropewalk_reactor::{Address, ConnectResult, Deferred, Factory, Layer, LayerState, ReactorHandle, Result};

use super::header::{ProxyHeader, ProxyVersion};
use crate::{ClientEndpoint, Policy};

/// A place to connect to on behalf of somebody else, whose address is told in a PROXY header before all else.
///
/// The header goes out over what the inner endpoint connects, so nesting says where it lies:
/// `ProxyClientEndpoint<Socks5ClientEndpoint<…>>` sends it to the target, not to the SOCKS proxy. Servers expect it before TLS,
/// so an endpoint for TLS goes around this one.
///
/// A proxy makes one such endpoint for each of its clients:
///
/// ```
/// use ropewalk_endpoints::{ClientEndpoint, ProxyClientEndpoint, ProxyHeader, ProxyVersion, TcpClientEndpoint};
/// # use ropewalk_reactor::{ConnectResult, Deferred, Factory, Transport};
///
/// fn forward(client: &Transport, server: &TcpClientEndpoint, factory: impl Factory + 'static) -> Deferred<ConnectResult> {
///     let header = ProxyHeader::new(client.peer().clone(), client.host().clone());
///     let endpoint = ProxyClientEndpoint::new(server.clone(), ProxyVersion::Two, &header);
///     endpoint.connect(client.reactor(), factory)
/// }
/// ```
#[derive(Clone, Debug)]
pub struct ProxyClientEndpoint<E> {
    inner: E,
    header: Rc<[u8]>,
}

impl<E> ProxyClientEndpoint<E> {
    /// The place of `inner`, where connections begin with `header` as [`ProxyHeader::encode`] writes it.
    pub fn new(inner: E, version: ProxyVersion, header: &ProxyHeader) -> Self {
        Self { inner, header: header.encode(version).into() }
    }
}

impl<E: ClientEndpoint> ClientEndpoint for ProxyClientEndpoint<E> {
    fn connect_shared(&self, reactor: &ReactorHandle, factory: Rc<dyn Factory>) -> Deferred<ConnectResult> {
        let announced = Announced { header: Rc::clone(&self.header) };
        self.inner.connect(reactor, announced.around(factory))
    }
}

/// Puts an [`AnnouncementLayer`] under connections.
struct Announced {
    header: Rc<[u8]>,
}

impl Policy for Announced {
    fn admit(&self, _: &Address, layers: &mut Vec<Box<dyn Layer>>) -> bool {
        layers.push(Box::new(AnnouncementLayer { header: Rc::clone(&self.header), is_sent: false }));
        true
    }
}

/// Sends a header and gets out of the way.
struct AnnouncementLayer {
    header: Rc<[u8]>,
    is_sent: bool,
}

impl Layer for AnnouncementLayer {
    fn name(&self) -> &'static str {
        "PROXY"
    }

    fn begin(&mut self, down: &mut Vec<u8>) -> Result {
        down.extend_from_slice(&self.header);
        self.is_sent = true;
        Ok(())
    }

    fn received(&mut self, _: &mut [u8], _: &mut Vec<u8>, _: &mut Vec<u8>) -> Result<usize> {
        Ok(0)
    }

    fn state(&self) -> LayerState {
        if self.is_sent { LayerState::Transparent } else { LayerState::Opening }
    }
}
