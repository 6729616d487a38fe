//! The contract: what it costs to open a connection.
#![allow(clippy::unwrap_used, reason = "in a test a panic is the report")]

mod counting;

use allocation_counter::measure;
use counting::World;
use ropewalk::{Protocol, Result, Transport, for_protocol};

const CONNECTIONS: u64 = 1_000;

/// A box each for the socket, the protocol and the connection, and the half of it that handles share.
const ALLOCATIONS: u64 = 4;

/// Allocations of the tables, which grow by doubling, and of the reactor itself.
const SHARED_ALLOCATIONS: u64 = 100;

/// Has a size, because what has none is boxed for nothing.
struct Silent(u64);

impl Protocol for Silent {
    fn data_received(&mut self, _transport: &Transport, data: &[u8]) -> Result {
        self.0 += data.len() as u64;
        Ok(())
    }
}

#[test]
fn a_connection_is_accepted_with_two_system_calls_and_four_allocations() {
    let mut kept = None;
    let cost = measure(|| kept = Some(World::with(CONNECTIONS as usize, for_protocol(|| Silent(0)))));
    let (world, reactor) = kept.unwrap();
    // Accepting, registering, and at last one accept that finds nobody.
    assert_eq!(world.calls().others, 2 * CONNECTIONS + 1);
    assert_eq!(reactor.stats().connections_opened, CONNECTIONS);
    // The counting world has one of its own for each.
    let allocations = cost.count_total - CONNECTIONS;
    assert!(allocations >= ALLOCATIONS * CONNECTIONS, "{allocations}: the measurement is wrong");
    assert!(allocations <= ALLOCATIONS * CONNECTIONS + SHARED_ALLOCATIONS, "{allocations}");
}
