//! The ends of protected connections.

use ropewalk::simulation::{Faults, Link};
use ropewalk::testing::for_each_seed;

use super::{CLEAN, MILLISECOND, Pair, SECOND, exact, pattern, server_config, tls_over_tcp};

const TRUNCATED: &str = "the peer closed the connection without saying that its input was over";

#[test]
fn what_a_killed_server_has_sent_arrives_and_is_told_to_be_truncated() {
    let mut pair = Pair::new(1, exact(MILLISECOND));
    let heard = pair.connected();
    let sent = pattern(100_000);
    pair.served.connection(0).transport().write(&sent);
    pair.simulation.run_for(MILLISECOND / 2);
    let server = pair.server.clone();
    pair.simulation.kill(&server);
    pair.simulation.run_for(SECOND);
    assert!(heard.data() == sent, "{} have come", heard.count());
    assert_eq!(heard.lost().unwrap(), TRUNCATED);
    assert!(!heard.end_of_input(), "this was no end of input");
}

#[test]
fn a_connection_that_ends_between_records_is_truncated_too() {
    let mut pair = Pair::new(2, exact(MILLISECOND));
    let heard = pair.connected();
    pair.exchange(&heard, "a whole record");
    let client = pair.client.clone();
    pair.simulation.kill(&client);
    pair.simulation.run_for(SECOND);
    assert_eq!(pair.served.connection(0).lost().unwrap(), TRUNCATED);
}

#[test]
fn what_was_written_before_a_close_arrives_however_the_network_is() {
    for_each_seed(20, |seed| {
        let mut link = Link::default();
        (link.loss, link.jitter, link.buffer) = (0.1, 20 * MILLISECOND, 2_000);
        let mut pair = Pair::new(seed, link);
        let heard = pair.connected();
        let served = pair.served.connection(0);
        let length = 1 + pair.simulation.dice().roll(30_000) as usize;
        for host in [&pair.server, &pair.client] {
            pair.simulation.set_faults(host, Faults::rough());
        }
        served.transport().write(pattern(length));
        served.transport().lose_connection();
        pair.simulation.run_for(600 * SECOND);
        assert!(heard.data() == pattern(length));
        assert_eq!((served.lost().unwrap(), heard.lost().unwrap()), (CLEAN.into(), CLEAN.into()));
        pair.nothing_is_left(&heard);
    });
}

/// What goes out in both directions meets two closes, which come at any moment of it.
#[test]
fn closes_that_cross_data_lose_nothing_that_was_written_before() {
    for_each_seed(60, |seed| {
        let mut pair = Pair::new(seed, Link::default());
        let heard = pair.connected();
        let served = pair.served.connection(0);
        let sizes = [(); 2].map(|()| pair.simulation.dice().roll(200_000) as usize);
        let wait = MILLISECOND * pair.simulation.dice().roll(4) as u32 / 2;
        heard.transport().write(pattern(sizes[0]));
        heard.transport().lose_connection();
        pair.simulation.run_for(wait);
        // The echo goes on until the close has come; then this is written to nobody.
        served.transport().write(pattern(sizes[1]));
        served.transport().lose_connection();
        pair.simulation.run_for(300 * SECOND);
        assert_eq!((served.lost().unwrap(), heard.lost().unwrap()), (CLEAN.into(), CLEAN.into()));
        assert!(pattern(sizes[0]).starts_with(&served.data()));
        assert_eq!(heard.count(), 0, "after a close nothing is delivered");
        pair.nothing_is_left(&heard);
    });
}

#[test]
fn the_close_of_one_side_waits_for_all_that_it_has_to_send() {
    let mut link = exact(10 * MILLISECOND);
    link.bandwidth = Some(100_000);
    let mut pair = Pair::new(3, link);
    let heard = pair.connected();
    heard.transport().write(pattern(300_000));
    heard.transport().lose_connection();
    pair.simulation.run_for(SECOND / 5);
    assert!(heard.transport().buffered() > 0 && heard.lost().is_none());
    pair.simulation.run_for(20 * SECOND);
    assert!(pair.served.connection(0).data() == pattern(300_000));
    assert_eq!(heard.lost().unwrap(), CLEAN);
}

#[test]
fn a_close_that_nobody_answers_ends_in_time() {
    let mut pair = Pair::new(4, exact(MILLISECOND));
    let heard = pair.connected();
    pair.partition();
    heard.transport().lose_connection();
    // All is handed to the system at once; what is waited for is the peer's end.
    pair.simulation.run_for(61 * SECOND);
    assert!(heard.lost().is_some(), "G6");
    assert_eq!(pair.simulation.descriptors(&pair.client), 0);
}

#[test]
fn the_end_of_input_is_told_with_all_that_came_before() {
    let mut pair =
        Pair::of(ropewalk::simulation::Simulation::new(5), exact(MILLISECOND), tls_over_tcp(server_config()));
    let heard = pair.connected();
    heard.transport().write(pattern(50_000));
    heard.transport().lose_write_connection();
    pair.simulation.run_for(10 * SECOND);
    assert!(pair.served.connection(0).end_of_input());
    assert!(heard.data() == pattern(50_000), "the echo may follow the end of input");
    assert_eq!(heard.lost().unwrap(), CLEAN);
}
