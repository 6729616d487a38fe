//! Receiving the header.

use std::any::Any;
use std::rc::Rc;
use std::time::Duration;

use ropewalk_reactor::{Address, Layer, LayerState, Result};

use super::header::ProxyHeader;
use super::options::ProxyOptions;

/// Takes the PROXY header from the beginning of a connection, leaves it with the connection
/// (`transport.keepsake::<ProxyHeader>()`), and gets out of the way.
///
/// A [`ProxyServerEndpoint`](crate::ProxyServerEndpoint) puts it where it belongs; use it by itself in the
/// [`admit`](ropewalk_reactor::Factory::admit) of a factory that decides by rules of its own who sends a header.
#[derive(Debug)]
pub struct ProxyHeaderLayer {
    options: Rc<ProxyOptions>,
    header: Option<Rc<ProxyHeader>>,
}

impl ProxyHeaderLayer {
    /// A layer for one connection. Of the options, `trusted` and `untrusted` mean nothing here.
    pub const fn new(options: Rc<ProxyOptions>) -> Self {
        Self { options, header: None }
    }
}

impl Layer for ProxyHeaderLayer {
    fn name(&self) -> &'static str {
        "PROXY"
    }

    fn received(&mut self, input: &mut [u8], _: &mut Vec<u8>, _: &mut Vec<u8>) -> Result<usize> {
        let Some((header, length)) = ProxyHeader::parse(input, &self.options)? else {
            return Ok(0);
        };
        self.header = Some(Rc::new(header));
        Ok(length)
    }

    fn state(&self) -> LayerState {
        if self.header.is_some() { LayerState::Transparent } else { LayerState::Opening }
    }

    fn handshake_timeout(&self) -> Duration {
        self.options.timeout
    }

    fn keepsake(&self) -> Option<Rc<dyn Any>> {
        self.header.clone().map(|header| header as Rc<dyn Any>)
    }

    fn addresses(&self) -> Option<(Address, Address)> {
        let (peer, host) = self.header.as_ref()?.addresses()?;
        Some((peer.clone(), host.clone()))
    }
}
