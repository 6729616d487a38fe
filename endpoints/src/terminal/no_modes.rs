//! Terminals of systems other than UNIX, of which nothing is known.

use std::io;

pub(super) enum Modes {}

impl Modes {
    pub(super) fn of_stdin() -> Option<Self> {
        None
    }

    pub(super) fn set(&self, _hides_input: bool, _gives_keys: bool) -> io::Result<()> {
        match *self {}
    }
}

pub(super) fn window_size() -> Option<(u16, u16)> {
    None
}
