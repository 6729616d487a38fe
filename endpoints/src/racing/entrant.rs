//! One attempt in a race.

use std::rc::Rc;

use ropewalk_reactor::{Address, Layer};

use super::Race;
use crate::Policy;

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

impl Policy for Entrant {
    fn admit(&self, _: &Address, _: &mut Vec<Box<dyn Layer>>) -> bool {
        self.race.claim(self.attempt)
    }
}
