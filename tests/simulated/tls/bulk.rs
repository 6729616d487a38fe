//! Much data through narrow places.

use std::time::Duration;

use ropewalk::simulation::{Faults, Link};
use ropewalk::testing::for_each_seed;

use super::{CLEAN, MILLISECOND, Pair, SECOND, exact, pattern};

/// Both sides write at once; each hears what the other has written, the client its echo in between.
fn exchange_bulk(pair: &mut Pair, length: usize) {
    let heard = pair.connected();
    let (sent, echoed) = (pattern(length), length);
    heard.transport().write(&sent);
    let served = pair.served.connection(0);
    assert!(pair.simulation.run_until(3_600 * SECOND, |_| heard.count() >= echoed), "{}", heard.count());
    assert!(heard.data() == sent && served.data() == sent);
    // The other direction alone, against an echo that does not stop.
    served.transport().write(&sent);
    heard.transport().write("and so on");
    let all = 2 * length + 9;
    assert!(pair.simulation.run_until(3_600 * SECOND, |_| heard.count() >= all), "{}", heard.count());
    assert_eq!(heard.count(), all);
    heard.transport().lose_connection();
    pair.simulation.run_for(600 * SECOND);
    assert_eq!((served.lost().unwrap(), heard.lost().unwrap()), (CLEAN.into(), CLEAN.into()));
    pair.nothing_is_left(&heard);
}

#[test]
fn rough_system_calls_and_tiny_buffers_change_nothing_but_times() {
    for_each_seed(10, |seed| {
        let mut link = Link::default();
        link.buffer = 100;
        let mut pair = Pair::new(seed, link);
        for host in [&pair.server, &pair.client] {
            pair.simulation.set_faults(host, Faults::rough());
        }
        exchange_bulk(&mut pair, 20_000);
    });
}

#[test]
fn losses_and_jitter_change_nothing_but_times() {
    for_each_seed(10, |seed| {
        let mut link = Link::default();
        (link.loss, link.jitter, link.buffer) = (0.2, 100 * MILLISECOND, 10_000);
        let mut pair = Pair::new(seed, link);
        exchange_bulk(&mut pair, 100_000);
    });
}

#[test]
fn bytes_that_come_one_by_one_are_a_handshake_and_a_conversation() {
    let mut link = exact(Duration::from_micros(1));
    link.buffer = 1;
    let mut pair = Pair::new(1, link);
    exchange_bulk(&mut pair, 300);
}

#[test]
fn reads_are_short_and_nothing_is_lost() {
    for_each_seed(10, |seed| {
        let mut pair = Pair::new(seed, Link::default());
        let mut faults = Faults::default();
        faults.short_reads = 1.0;
        for host in [&pair.server, &pair.client] {
            pair.simulation.set_faults(host, faults);
        }
        exchange_bulk(&mut pair, 50_000);
    });
}
