//! Endpoints that know how they were described.

use std::fmt;
use std::io;
use std::rc::Rc;

use ropewalk_reactor::{ConnectResult, Deferred, Factory, ListeningPort, ReactorHandle};

use crate::{ClientEndpoint, ServerEndpoint};

/// An endpoint that was made from a description: a `DescribedEndpoint<dyn ServerEndpoint>` to listen on, a
/// `DescribedEndpoint<dyn ClientEndpoint>` to connect to.
///
/// `Display` gives the description in canonical form: the kind in lower case, no more quoting than needed. The same
/// registry makes an equal endpoint of it, unless there is a password in it: the value of a key that begins with `passw` is
/// shown as `***`.
pub struct DescribedEndpoint<E: ?Sized> {
    description: String,
    endpoint: Box<E>,
}

impl<E: ?Sized> DescribedEndpoint<E> {
    pub(super) fn new(description: String, endpoint: Box<E>) -> Self {
        Self { description, endpoint }
    }
}

impl<E: ServerEndpoint + ?Sized> ServerEndpoint for DescribedEndpoint<E> {
    fn listen_shared(&self, reactor: &ReactorHandle, factory: Rc<dyn Factory>) -> io::Result<ListeningPort> {
        self.endpoint.listen_shared(reactor, factory)
    }
}

impl<E: ClientEndpoint + ?Sized> ClientEndpoint for DescribedEndpoint<E> {
    fn connect_shared(&self, reactor: &ReactorHandle, factory: Rc<dyn Factory>) -> Deferred<ConnectResult> {
        self.endpoint.connect_shared(reactor, factory)
    }
}

impl<E: ?Sized> fmt::Display for DescribedEndpoint<E> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.description)
    }
}

impl<E: ?Sized> fmt::Debug for DescribedEndpoint<E> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_tuple("DescribedEndpoint").field(&self.description).finish()
    }
}
