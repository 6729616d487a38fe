//! Policies: what holds for the connections of a factory, whatever their protocol is.

pub(crate) mod deadline;
pub(crate) mod idle_timeout;
mod kept;
pub(crate) mod limit_connections;
pub(crate) mod limit_per_peer;
pub(crate) mod limit_rate;
mod prepared;
pub(crate) mod traffic_log;
mod wrapper;

use std::rc::Rc;

use ropewalk_reactor::{Address, Factory, Layer, Protocol};

pub use prepared::prepared;
use wrapper::Wrapper;

/// What holds for the connections of a factory, whatever their protocol is: how many there may be, how long they may
/// last, how fast they may go.
///
/// A policy is put [`around`](Self::around) a factory, and the result is a factory again. So policies nest; the outermost is
/// asked first. One policy, as an [`Rc`], may be put around several factories, which then share what it counts.
///
/// ```
/// use std::time::Duration;
/// use ropewalk_endpoints::{IdleTimeout, LimitConnections, LimitPerPeer, Policy};
/// # use ropewalk_reactor::{Factory, Protocol, Result, Transport, for_protocol};
/// # struct Echo;
/// # impl Protocol for Echo {
/// #     fn data_received(&mut self, transport: &Transport, data: &[u8]) -> Result { Ok(transport.write(data)) }
/// # }
///
/// fn careful_echo() -> impl Factory {
///     let echo = IdleTimeout::new(Duration::from_secs(60)).around(for_protocol(|| Echo));
///     LimitConnections::new(1000).around(LimitPerPeer::new(10).around(echo))
/// }
/// ```
///
/// To write one, [`prepared`] is all that most need:
///
/// ```
/// use std::time::Duration;
/// use ropewalk_endpoints::{Policy, prepared};
/// use ropewalk_reactor::{Address, Factory, Protocol};
///
/// /// Has the operating system look after peers that vanish.
/// struct KeepAlive;
///
/// impl Policy for KeepAlive {
///     fn build_protocol(&self, peer: &Address, factory: &dyn Factory) -> Option<Box<dyn Protocol>> {
///         let protocol = factory.build_protocol(peer)?;
///         Some(prepared(protocol, |transport| transport.set_keepalive(Some(Duration::from_secs(60)))))
///     }
/// }
/// ```
pub trait Policy {
    /// A protocol for a new connection with `peer`: that of `factory`, perhaps [`prepared`], or `None` to refuse the
    /// connection. Default: that of `factory`.
    fn build_protocol(&self, peer: &Address, factory: &dyn Factory) -> Option<Box<dyn Protocol>> {
        factory.build_protocol(peer)
    }

    /// Decides about a connection before a byte is exchanged, as [`Factory::admit`] does; that of the factory is asked
    /// afterwards.
    fn admit(&self, peer: &Address, layers: &mut Vec<Box<dyn Layer>>) -> bool {
        let _ = (peer, layers);
        true
    }

    /// The factory to which this policy applies.
    fn around<F: Factory>(self, factory: F) -> impl Factory
    where
        Self: Sized,
    {
        Wrapper { policy: self, factory }
    }
}

impl<P: Policy + ?Sized> Policy for Rc<P> {
    fn build_protocol(&self, peer: &Address, factory: &dyn Factory) -> Option<Box<dyn Protocol>> {
        (**self).build_protocol(peer, factory)
    }

    fn admit(&self, peer: &Address, layers: &mut Vec<Box<dyn Layer>>) -> bool {
        (**self).admit(peer, layers)
    }
}
