//! A factory with a policy around it.

use ropewalk_reactor::{Address, Factory, Layer, Protocol, Reason};

use super::Policy;

/// The factory that [`Policy::around`] returns.
pub(super) struct Wrapper<P, F> {
    pub(super) policy: P,
    pub(super) factory: F,
}

impl<P: Policy, F: Factory> Factory for Wrapper<P, F> {
    fn build_protocol(&self, peer: &Address) -> Option<Box<dyn Protocol>> {
        self.policy.build_protocol(peer, &self.factory)
    }

    fn admit(&self, peer: &Address, layers: &mut Vec<Box<dyn Layer>>) -> bool {
        self.policy.admit(peer, layers) && self.factory.admit(peer, layers)
    }

    fn connection_failed(&self, peer: &Address, reason: &Reason) {
        self.factory.connection_failed(peer, reason);
    }

    fn start_factory(&self) {
        self.factory.start_factory();
    }

    fn stop_factory(&self) {
        self.factory.stop_factory();
    }

    /// Starting and stopping are the factory's affair, so a port counts as one of the factory's.
    fn identity(&self) -> *const () {
        self.factory.identity()
    }
}
