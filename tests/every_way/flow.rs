//! Backpressure: peers that read slowly, and protocols that pause.

use ropewalk::Transport;

use crate::bench::Bench;
use crate::over_every_way;
use crate::support::{CLEAN, Event, Probe, pattern};
use crate::ways::Way;

over_every_way!(
    output_for_a_peer_that_does_not_read_is_held_and_told,
    a_pause_holds_input_back_and_loses_none,
    a_pause_in_the_middle_of_the_input_loses_none,
    an_echo_to_a_peer_that_does_not_read_is_bounded,
    too_much_output_ends_the_connection,
);

const LARGE: usize = 12 * 1024 * 1024;

fn output_for_a_peer_that_does_not_read_is_held_and_told(way: Way) {
    let mut bench = Bench::pair(way, Probe::new, |log| Probe::new(log).on_made(Transport::pause_reading));
    let server = bench.server.transport();
    server.write(pattern(LARGE));
    bench.settle();
    assert!(bench.server.has(&Event::WritingPaused));
    assert!(server.buffered() > 0);
    assert!(!bench.server.has(&Event::WritingResumed));
    assert_eq!(bench.client.received(), 0);
    bench.client.transport().resume_reading();
    bench.until("all has arrived", |_, client| client.received() == LARGE);
    bench.until("the server hears", |server, _| server.has(&Event::WritingResumed));
    assert!(bench.client.data() == pattern(LARGE));
    assert_eq!(server.buffered(), 0);
    assert_eq!(bench.reactor().stats().output_buffered, 0);
}

fn a_pause_holds_input_back_and_loses_none(way: Way) {
    let mut bench = Bench::pair(
        way,
        |log| Probe::new(log).on_made(Transport::pause_reading),
        |log| {
            Probe::new(log).on_made(|transport| {
                transport.write(pattern(100_000));
                transport.lose_connection();
            })
        },
    );
    bench.settle();
    assert_eq!(bench.server.received(), 0);
    bench.server.transport().resume_reading();
    bench.until_lost();
    assert!(bench.server.data() == pattern(100_000));
    assert_eq!(bench.server.lost().unwrap(), CLEAN);
}

fn a_pause_in_the_middle_of_the_input_loses_none(way: Way) {
    let mut bench = Bench::pair(
        way,
        |log| {
            Probe::new(log).on_data(|transport, _| {
                transport.pause_reading();
                transport.post("go on".to_owned());
                Ok(())
            })
        },
        |log| {
            Probe::new(log).on_made(|transport| {
                transport.write(pattern(500_000));
                transport.lose_write_connection();
            })
        },
    );
    for pauses in 1.. {
        bench.until("the next piece", |server, _| {
            server.count(|event| matches!(event, Event::Posted(_))) >= pauses || server.lost().is_some()
        });
        if bench.server.lost().is_some() {
            break;
        }
        bench.server.transport().resume_reading();
    }
    assert!(bench.server.data() == pattern(500_000));
    assert!(bench.server.has(&Event::EndOfInput));
}

fn an_echo_to_a_peer_that_does_not_read_is_bounded(way: Way) {
    let mut bench = Bench::pair(way, Probe::echo, |log| Probe::new(log).on_made(Transport::pause_reading));
    let client = bench.client.transport();
    client.write(pattern(LARGE));
    bench.settle();
    let high_water = bench.server.transport().limits().high_water;
    assert!(bench.server.transport().buffered() <= high_water + 256 * 1024, "a turn's reading at the most");
    client.resume_reading();
    bench.until("the echo", |_, client| client.received() == LARGE);
    assert!(bench.client.data() == pattern(LARGE));
}

fn too_much_output_ends_the_connection(way: Way) {
    let mut bench = Bench::pair(way, Probe::new, |log| Probe::new(log).on_made(Transport::pause_reading));
    let server = bench.server.transport();
    for _ in 0..17 {
        server.write(vec![b'x'; 1024 * 1024]);
    }
    bench.until("the loss", |server, _| server.lost().is_some());
    assert!(bench.server.lost().unwrap().contains("the peer reads too slowly"));
    bench.client.transport().resume_reading();
    bench.until_lost();
}
