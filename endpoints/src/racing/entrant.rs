//! The factory of one attempt in a race.

use std::rc::Rc;

use ropewalk_reactor::{Address, Factory, Layer, Protocol, Reason};

use super::Race;

/// Stands before the user's factory, which sees the connection that is first and no other.
pub(super) struct Entrant {
    race: Rc<Race>,
    attempt: usize,
}

impl Entrant {
    pub(super) fn new(race: &Rc<Race>, attempt: usize) -> Self {
        Self { race: Rc::clone(race), attempt }
    }
}

impl Factory for Entrant {
    fn build_protocol(&self, peer: &Address) -> Option<Box<dyn Protocol>> {
        self.race.factory.build_protocol(peer)
    }

    fn admit(&self, peer: &Address, layers: &mut Vec<Box<dyn Layer>>) -> bool {
        self.race.claim(self.attempt) && self.race.factory.admit(peer, layers)
    }

    fn connection_failed(&self, peer: &Address, reason: &Reason) {
        self.race.factory.connection_failed(peer, reason);
    }
}
