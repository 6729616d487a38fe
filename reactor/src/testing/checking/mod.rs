//! The check of a protocol.

mod cases;
mod check;
mod closing;
mod fuzz;
mod judge;
mod law;
mod outcome;
mod plain;
mod report;
mod script;
mod shrink;
mod stage;
mod watch;
mod watched;

pub use check::{ProtocolCheck, check_protocol};
pub use fuzz::fuzz_protocol;
pub use law::{Failure, Law};
pub use outcome::Outcome;
pub use script::Script;

use std::rc::Rc;
use std::time::Duration;

use crate::{Layer, Limits, Protocol};
use watch::Watch;

/// How many bytes of output a turn's reading may call forth where nothing else is stated.
const TURN_READ: usize = 256 * 1024;

/// How much the peer reads where nothing else is stated.
const READS_DEFAULT: usize = 16 * 1024 * 1024;

/// Makes layers, from the wire up.
type MakeLayers<'a> = dyn Fn() -> Vec<Box<dyn Layer>> + 'a;

/// What is checked.
struct Subject<'a> {
    /// Makes a fresh protocol, watched.
    make: &'a dyn Fn(&Rc<Watch>) -> Box<dyn Protocol>,
    /// Makes the layers between it and the wire.
    layers: Option<&'a MakeLayers<'a>>,
    /// The name of the protocol's type.
    name: &'static str,
    output_max: Option<usize>,
    held_max: Option<usize>,
    reads_max: Option<usize>,
    /// The connection may stay open after the end of input.
    outlives_input: bool,
    /// So much time may pass between two reads.
    idle: Option<Duration>,
}

impl Subject<'_> {
    fn output_bound(&self) -> usize {
        self.output_max.unwrap_or(Limits::DEFAULT.high_water + TURN_READ)
    }

    fn reads_max(&self) -> usize {
        self.reads_max.unwrap_or(READS_DEFAULT)
    }
}
