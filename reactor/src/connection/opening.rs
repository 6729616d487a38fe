//! A connection whose layers are opening: it has a factory, and no protocol yet.

use std::rc::Rc;

use super::Connection;
use super::lifecycle::{Event, State};
use crate::connecting::resolve;
use crate::core::Core;
use crate::deferred::Resolver;
use crate::event_loop::callbacks::{Running, Watch, catch};
use crate::{Address, ConnectError, ConnectResult, Factory, Layer, Protocol, Reason, Result, Transport};

/// What a connection will be once its layers are open.
pub(crate) struct Opening {
    pub(crate) factory: Rc<dyn Factory>,
    /// Who waits for the connection, if this side has begun it.
    pub(crate) resolver: Option<Resolver<ConnectResult>>,
    pub(crate) cancelled: bool,
}

/// Stands where the protocol will be.
struct Unbuilt;

impl Protocol for Unbuilt {
    fn data_received(&mut self, _: &Transport, _: &[u8]) -> Result {
        Ok(())
    }
}

/// What a factory wants for a connection that stands.
pub(crate) struct Prospect {
    pub(crate) layers: Vec<Box<dyn Layer>>,
    /// The protocol, or what stands for it until the layers are open.
    pub(crate) protocol: Box<dyn Protocol>,
}

impl Prospect {
    /// Asks a factory about a connection; `None` refuses it.
    pub(crate) fn ask(watch: &mut Watch, core: &Core, factory: &dyn Factory, peer: &Address) -> Option<Self> {
        let layers = admit(watch, core, factory, peer)?;
        let protocol = match layers.is_empty() {
            true => build_protocol(watch, core, factory, peer)?,
            false => Box::new(Unbuilt),
        };
        Some(Self { layers, protocol })
    }
}

/// A panic counts as a refusal.
fn admit(
    watch: &mut Watch,
    core: &Core,
    factory: &dyn Factory,
    peer: &Address,
) -> Option<Vec<Box<dyn Layer>>> {
    watch.begin(Running::Call("admit"));
    let mut layers = Vec::new();
    match catch(|| factory.admit(peer, &mut layers)) {
        Ok(true) => return Some(layers),
        Ok(false) => {}
        Err(message) => core.report_panic("admit", &message),
    }
    core.run_guarded("a layer's destructor", || drop(layers));
    None
}

/// A panic counts as a refusal.
fn build_protocol(
    watch: &mut Watch,
    core: &Core,
    factory: &dyn Factory,
    peer: &Address,
) -> Option<Box<dyn Protocol>> {
    watch.begin(Running::Call("build_protocol"));
    catch(|| factory.build_protocol(peer)).unwrap_or_else(|message| {
        core.report_panic("build_protocol", &message);
        None
    })
}

impl Connection {
    /// The connection begins, with layers that have to open first or without.
    pub(crate) fn begin(&mut self, watch: &mut Watch, layers: Vec<Box<dyn Layer>>, opening: Opening) {
        if !layers.is_empty() {
            return self.open_layers(watch, layers, opening);
        }
        self.open(watch);
        let Opening { factory, resolver, .. } = opening;
        if let Some(resolver) = resolver {
            resolve(resolver, Ok(self.transport.clone()));
        }
        self.shared().reactor.core().run_guarded("a factory's destructor", || drop(factory));
    }

    /// The layers are open: the connection gets its protocol.
    pub(super) fn build(&mut self, watch: &mut Watch) {
        let Some(opening) = self.take_opening() else {
            return;
        };
        let Opening { factory, resolver, .. } = *opening;
        let peer = self.shared().peer.clone();
        let core = self.transport.reactor().clone();
        let result = match build_protocol(watch, core.core(), &*factory, &peer) {
            Some(protocol) => {
                self.protocol = protocol;
                self.open(watch);
                Ok(self.transport.clone())
            }
            None => {
                log::debug!("connection {}: the factory refused {peer}", self.shared().id);
                // Layers that are still there say farewell; without them nobody was spoken to.
                let is_bare = self.shared().with_layers(|stack| stack.is_empty()).unwrap_or(true);
                self.shared().step(if is_bare { Event::Stop } else { Event::LoseConnection });
                Err(ConnectError::NoProtocol { address: peer })
            }
        };
        if let Some(resolver) = resolver {
            resolve(resolver, result);
        }
        core.core().run_guarded("a factory's destructor", || drop(factory));
    }

    /// Whoever waits for this connection does not want it any more.
    pub(crate) fn cancel_opening(&self) {
        if self.shared().state() == State::Opening {
            self.shared().with_layers(|stack| {
                if let Some(opening) = &mut stack.connection {
                    opening.cancelled = true;
                }
            });
            self.shared().end_with(Reason::Aborted, Event::Abort);
        }
    }

    /// The connection was lost before it had a protocol.
    pub(super) fn fail_opening(&self, watch: &mut Watch, opening: Opening, reason: Reason) {
        let Opening { factory, resolver, cancelled } = opening;
        let shared = self.shared();
        watch.begin(Running::Call("connection_failed"));
        let core = shared.reactor.core();
        core.run_guarded("connection_failed", || factory.connection_failed(&shared.peer, &reason));
        if let Some(resolver) = resolver {
            let address = shared.peer.clone();
            let error = match reason {
                _ if cancelled => ConnectError::cancelled(address),
                // Nobody but a drain closes a connection that has no protocol.
                Reason::Closed => ConnectError::cancelled(address),
                Reason::Shutdown => ConnectError::shutdown(address),
                reason => ConnectError::NotReady { address, reason },
            };
            resolve(resolver, Err(error));
        }
        core.run_guarded("a factory's destructor", || drop(factory));
    }

    pub(super) fn take_opening(&self) -> Option<Box<Opening>> {
        self.shared().with_layers(|stack| stack.connection.take()).flatten()
    }
}
