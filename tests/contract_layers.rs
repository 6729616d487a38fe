//! The contract: what a layer costs besides what it does itself.
#![allow(clippy::unwrap_used, reason = "in a test a panic is the report")]

mod counting;
mod layering;

use allocation_counter::{AllocationInfo, measure};
use counting::{World, turn};
use layering::Layered;
use ropewalk::{Layer, LayerState, Protocol, Result, Transport, for_protocol};

/// A record is so long, its last byte included.
const RECORD: usize = 1_000;

/// Passes whole records on, which end in a semicolon.
struct Records;

impl Layer for Records {
    fn name(&self) -> &'static str {
        "records"
    }

    fn received(&mut self, input: &mut [u8], up: &mut Vec<u8>, _: &mut Vec<u8>) -> Result<usize> {
        let used = input.iter().rposition(|byte| *byte == b';').map_or(0, |place| place + 1);
        up.extend_from_slice(&input[..used]);
        Ok(used)
    }

    fn state(&self) -> LayerState {
        LayerState::Open
    }
}

struct Echo;

impl Protocol for Echo {
    fn data_received(&mut self, transport: &Transport, data: &[u8]) -> Result {
        transport.write(data);
        Ok(())
    }
}

/// What it costs that each input arrives at one connection after the other, so many times over, when all is warm.
fn serve(connections: usize, inputs: &[&'static [u8]], times: usize) -> AllocationInfo {
    let layers = || vec![Box::new(Records) as Box<dyn Layer>];
    let (world, mut reactor) = World::with(connections, Layered::new(for_protocol(|| Echo), layers));
    let mut run = |connections: std::ops::Range<usize>, times| {
        for index in connections {
            for input in inputs.iter().cycle().take(inputs.len() * times) {
                world.deliver(index, input);
                turn(&mut reactor);
            }
        }
    };
    run(0..1, 10);
    let cost = measure(|| run(1..connections, times));
    let length: usize = inputs.iter().map(|input| input.len()).sum();
    assert_eq!(world.socket(connections - 1).written.get(), length * times);
    cost
}

/// Bytes of which every `RECORD`th ends a record.
fn records(count: usize) -> &'static [u8] {
    let record = [vec![b'x'; RECORD - 1], vec![b';']].concat();
    record.repeat(count).leak()
}

#[test]
fn a_message_through_a_layer_costs_no_allocation() {
    assert_eq!(serve(2, &[records(1)], 1_000).count_total, 0);
}

#[test]
fn a_record_in_two_reads_is_held_and_nothing_else_is_copied() {
    let whole = records(41);
    let (first, second) = whole.split_at(20 * RECORD + 400);
    let cost = serve(2, &[first, second], 100);
    assert!(cost.bytes_total <= 100 * 2 * 400, "{cost:?}");
}

#[test]
fn an_idle_connection_with_a_layer_holds_no_buffer() {
    let cost = serve(100, &[records(20)], 3);
    assert_eq!(cost.bytes_current, 0, "{cost:?}");
}
