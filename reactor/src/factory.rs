//! Where protocols come from.

use std::fmt;
use std::rc::Rc;

use crate::{Address, Layer, Protocol, Reason};

/// Makes a [`Protocol`] for each connection of an endpoint.
///
/// State that connections share is an `Rc` in the factory, cloned into each protocol. A factory that serves
/// several ports is passed to each as a clone of one `Rc`.
///
/// [`for_protocol`] and [`factory_fn`] are the two short ways to make one.
///
/// ```
/// use std::cell::Cell;
/// use std::rc::Rc;
/// use ropewalk_reactor::{Address, Factory, Protocol, Reason, Result, Transport};
///
/// /// Serves ten at a time.
/// struct AtMostTen {
///     served: Rc<Cell<usize>>,
/// }
///
/// struct Guest {
///     served: Rc<Cell<usize>>,
/// }
///
/// impl Factory for AtMostTen {
///     fn build_protocol(&self, _peer: &Address) -> Option<Box<dyn Protocol>> {
///         if self.served.get() == 10 {
///             return None;
///         }
///         self.served.set(self.served.get() + 1);
///         Some(Box::new(Guest { served: Rc::clone(&self.served) }))
///     }
/// }
///
/// impl Protocol for Guest {
///     fn data_received(&mut self, _: &Transport, _: &[u8]) -> Result {
///         Ok(())
///     }
///
///     fn connection_lost(&mut self, _: &Transport, _: &Reason) {
///         self.served.set(self.served.get() - 1);
///     }
/// }
/// ```
pub trait Factory {
    /// A protocol for a new connection with `peer`, or `None` to refuse it: a server closes the connection at
    /// once, a client's `connect` fails with [`ConnectError::NoProtocol`](crate::ConnectError::NoProtocol).
    ///
    /// A panic in here is caught and logged, and counts as a refusal.
    fn build_protocol(&self, peer: &Address) -> Option<Box<dyn Protocol>>;

    /// Decides about a connection as soon as it stands, before a byte is exchanged and before
    /// [`build_protocol`](Self::build_protocol). Returns `false` to refuse it, as a `None` of that does.
    ///
    /// May put layers between the wire and the protocol: `layers` are in order from the wire up. A factory that
    /// wraps another appends its own and then asks the other.
    fn admit(&self, peer: &Address, layers: &mut Vec<Box<dyn Layer>>) -> bool {
        let _ = (peer, layers);
        true
    }

    /// A connection was lost before it had a protocol, because a layer failed or was too slow, or the peer went away.
    fn connection_failed(&self, peer: &Address, reason: &Reason) {
        let _ = (peer, reason);
    }

    /// The first port using this factory is about to listen. Called by the reactor in the turn after `listen`.
    fn start_factory(&self) {}

    /// The last port using this factory has stopped listening; connections may live on.
    fn stop_factory(&self) {}

    /// Tells one factory from another, so that its ports can be counted. Leave the default; wrappers that merely
    /// point to another factory forward it, as the implementation for `Rc` does.
    fn identity(&self) -> *const () {
        std::ptr::from_ref(self).cast()
    }
}

impl<F: Factory + ?Sized> Factory for Rc<F> {
    fn build_protocol(&self, peer: &Address) -> Option<Box<dyn Protocol>> {
        (**self).build_protocol(peer)
    }

    fn admit(&self, peer: &Address, layers: &mut Vec<Box<dyn Layer>>) -> bool {
        (**self).admit(peer, layers)
    }

    fn connection_failed(&self, peer: &Address, reason: &Reason) {
        (**self).connection_failed(peer, reason);
    }

    fn start_factory(&self) {
        (**self).start_factory();
    }

    fn stop_factory(&self) {
        (**self).stop_factory();
    }

    fn identity(&self) -> *const () {
        (**self).identity()
    }
}

/// A factory that makes the same kind of protocol for every connection.
///
/// ```
/// # use ropewalk_reactor::{for_protocol, Protocol, Result, Transport};
/// # struct Echo;
/// # impl Protocol for Echo {
/// #     fn data_received(&mut self, transport: &Transport, data: &[u8]) -> Result { Ok(transport.write(data)) }
/// # }
/// let factory = for_protocol(|| Echo);
/// ```
pub fn for_protocol<P: Protocol + 'static>(make: impl Fn() -> P) -> impl Factory {
    factory_fn(move |_| Some(Box::new(make())))
}

/// A factory out of a closure that sees the peer's address and may refuse with `None`.
pub fn factory_fn(build: impl Fn(&Address) -> Option<Box<dyn Protocol>>) -> impl Factory {
    FactoryFn(build)
}

struct FactoryFn<F>(F);

impl<F: Fn(&Address) -> Option<Box<dyn Protocol>>> Factory for FactoryFn<F> {
    fn build_protocol(&self, peer: &Address) -> Option<Box<dyn Protocol>> {
        (self.0)(peer)
    }
}

impl fmt::Debug for dyn Factory {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("Factory")
    }
}
