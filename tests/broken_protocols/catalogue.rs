//! What an entry of the catalogue is.

use ropewalk::testing::{Failure, Law, Outcome};

/// A bug, in a protocol that has it and in a twin that does not.
pub struct Entry {
    /// What the broken twin does wrong.
    pub bug: &'static str,
    /// The real bug that it was modelled on.
    pub modelled_on: &'static str,
    /// The law that catches it.
    pub law: Law,
    /// Checks one of the twins.
    pub check: fn(Twin) -> Result<Outcome, Failure>,
}

/// Which of the two protocols of an entry. Most have both in one type and ask this where they part.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Twin {
    Broken,
    Corrected,
}

impl Twin {
    pub fn is_broken(self) -> bool {
        self == Self::Broken
    }
}
