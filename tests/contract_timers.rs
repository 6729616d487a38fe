//! The contract: what timers cost.
#![allow(clippy::unwrap_used, reason = "in a test a panic is the report")]

mod counting;

use std::time::Duration;

use allocation_counter::measure;
use counting::{World, turn};
use ropewalk::{DelayedCall, Protocol, Result, Transport, for_protocol};

/// The contract: bytes of heap that a timer costs. The table grows by doubling, and a million nearly fill it.
const HEAP_MAX: i64 = 64;

/// The contract: bytes of heap that an idle timeout adds to a connection, its timer included.
const TIMEOUT_HEAP_MAX: i64 = 112;

const TIMERS: u32 = 1_000_000;

/// Does nothing, but may have an idle timeout.
struct Silent(Option<Duration>);

impl Protocol for Silent {
    fn connection_made(&mut self, transport: &Transport) {
        if self.0.is_some() {
            transport.set_idle_timeout(self.0);
        }
    }

    fn data_received(&mut self, _transport: &Transport, _data: &[u8]) -> Result {
        Ok(())
    }
}

#[test]
fn a_timer_costs_little_and_all_of_it_comes_back() {
    let (_world, mut reactor) = World::with(0, for_protocol(|| Silent(None)));
    let mut calls: Vec<DelayedCall> = Vec::with_capacity(TIMERS as usize);
    let armed = measure(|| {
        for number in 0..TIMERS {
            let delay = Duration::from_secs(3_600) + Duration::from_micros(number.into());
            calls.push(reactor.call_later(delay, |_| {}));
        }
    });
    turn(&mut reactor);
    let heap = armed.bytes_current / i64::from(TIMERS);
    println!("a timer: {heap} bytes of heap");
    assert!(heap <= HEAP_MAX, "{heap} bytes");
    assert!(armed.count_total < 100, "timers share allocations: {armed:?}");
    let again = measure(|| {
        for call in &calls {
            call.reset(Duration::from_secs(60)).unwrap();
        }
    });
    assert_eq!(again.count_total, 0);
    let cancelled = measure(|| {
        for call in &calls {
            call.cancel().unwrap();
        }
    });
    assert_eq!((cancelled.count_total, cancelled.bytes_current), (0, -armed.bytes_current));
}

/// The heap that ten thousand connections with this idle timeout cost, those that the counting world needs included.
fn heap_of_connections(timeout: Option<Duration>) -> i64 {
    let mut kept = None;
    let cost = measure(|| kept = Some(World::with(10_000, for_protocol(move || Silent(timeout)))));
    drop(kept);
    cost.bytes_current
}

#[test]
fn an_idle_timeout_costs_little() {
    let with = heap_of_connections(Some(Duration::from_secs(60)));
    let heap = (with - heap_of_connections(None)) / 10_000;
    println!("an idle timeout: {heap} bytes of heap");
    assert!(heap <= TIMEOUT_HEAP_MAX, "{heap} bytes");
}
