//! The contract: what it costs to lose a connection.
#![allow(clippy::unwrap_used, reason = "in a test a panic is the report")]

mod counting;

use std::io::ErrorKind;

use counting::{World, turn};
use ropewalk::{Protocol, Result, Transport, for_protocol};

struct Silent;

impl Protocol for Silent {
    fn data_received(&mut self, _transport: &Transport, _data: &[u8]) -> Result {
        Ok(())
    }
}

#[test]
fn a_connection_that_is_gone_is_dropped_without_another_system_call() {
    // Of an error that leaves the peer in the dark, the reset tells it: one call more.
    for (error, others) in [
        (ErrorKind::ConnectionReset, 0),
        (ErrorKind::BrokenPipe, 0),
        (ErrorKind::ConnectionAborted, 0),
        (ErrorKind::TimedOut, 1),
        (ErrorKind::Other, 1),
    ] {
        let (world, mut reactor) = World::with(1, for_protocol(|| Silent));
        let before = world.calls();
        world.fail(0, error);
        turn(&mut reactor);
        assert_eq!(reactor.stats().connections, 0);
        let after = world.calls();
        assert_eq!((after.reads - before.reads, after.others - before.others), (1, others), "{error:?}");
    }
}
