//! What befalls the network and the hosts at every moment of a handshake.

use std::time::Duration;

use ropewalk::Instant;

use super::{HANDSHAKE_TIMEOUT, MILLISECOND, Pair, SECOND, exact};
use crate::people::Heard;

/// How long a packet is under way. So the server has accepted after this time, and the client is connected after twice this time.
const LATENCY: Duration = Duration::from_millis(10);

/// What the timeout says.
const TOO_LONG: &str = "the handshake took longer than 10s";

/// A pair that has made so many steps since its client began to connect. None if that is more than a handshake takes.
fn after_steps(steps: usize) -> Option<(Pair, Heard)> {
    let mut pair = Pair::new(1, exact(LATENCY));
    pair.simulation.run_for(SECOND);
    let heard = pair.connect();
    for _ in 0..steps {
        pair.simulation.step();
    }
    let is_over = heard.is_made() && !pair.served.connections.borrow().is_empty();
    (!is_over).then_some((pair, heard))
}

/// Does something to a handshake at each of its moments.
fn at_each_moment(test: impl Fn(Pair, Heard)) {
    let mut moments = 0;
    while let Some((pair, heard)) = after_steps(moments) {
        test(pair, heard);
        moments += 1;
    }
    assert!(moments > 8, "only {moments} moments");
}

/// When the first of these things happened that `happened` looks for.
fn when(pair: &mut Pair, mut happened: impl FnMut(&Pair) -> bool) -> Option<Duration> {
    let begun = Instant::ZERO + SECOND;
    let mut moment = None;
    for _ in 0..3_000 {
        if happened(pair) {
            moment = Some(pair.simulation.now() - begun);
            break;
        }
        pair.simulation.run_for(10 * MILLISECOND);
    }
    moment
}

#[test]
fn a_short_partition_only_delays_a_handshake() {
    at_each_moment(|mut pair, heard| {
        pair.partition();
        pair.simulation.run_for(3 * SECOND);
        pair.simulation.heal();
        pair.simulation.run_for(6 * SECOND);
        assert_eq!(heard.lost(), None);
        pair.exchange(&heard, "now we can talk");
        assert_eq!(pair.served.failures(), 0);
        pair.nothing_is_left(&heard);
    });
}

#[test]
fn a_handshake_that_is_cut_off_ends_exactly_in_time_on_both_sides() {
    let (mut clients, mut servers) = (0, 0);
    let times = std::cell::RefCell::new((Vec::new(), Vec::new()));
    at_each_moment(|mut pair, heard| {
        pair.partition();
        let client = heard.clone();
        let failed = when(&mut pair, |_| client.lost().is_some());
        if let Some(time) = failed.filter(|_| heard.lost().unwrap().contains(TOO_LONG)) {
            times.borrow_mut().0.push(time);
        } else {
            // It never was connected, or its handshake was over.
            assert!(heard.is_made() || heard.lost().unwrap().contains("within 30s"), "{:?}", heard.lost());
        }
    });
    at_each_moment(|mut pair, _| {
        pair.partition();
        if let Some(time) = when(&mut pair, |pair| pair.served.failures() > 0) {
            assert_eq!(*pair.served.failed.borrow(), [TOO_LONG]);
            times.borrow_mut().1.push(time);
        } else {
            assert!(pair.simulation.reactor_stats(&pair.server).connections <= 1);
        }
    });
    for time in &times.borrow().0 {
        assert_eq!(*time, 2 * LATENCY + HANDSHAKE_TIMEOUT);
        clients += 1;
    }
    for time in &times.borrow().1 {
        assert_eq!(*time, LATENCY + HANDSHAKE_TIMEOUT);
        servers += 1;
    }
    assert!(clients > 3 && servers > 8, "{clients} and {servers}");
}

#[test]
fn after_a_long_partition_both_sides_agree() {
    at_each_moment(|mut pair, heard| {
        pair.partition();
        pair.simulation.run_for(13 * SECOND);
        pair.simulation.heal();
        pair.simulation.run_for(60 * SECOND);
        if heard.lost().is_none() {
            pair.exchange(&heard, "we meet at last");
        }
        pair.nothing_is_left(&heard);
        let again = pair.connected();
        pair.exchange(&again, "as if nothing had been");
        pair.nothing_is_left(&again);
    });
}

#[test]
fn one_clogged_direction_ends_the_handshake_in_time() {
    for towards_client in [false, true] {
        at_each_moment(|mut pair, heard| {
            let (server, client) = (pair.server.clone(), pair.client.clone());
            let (from, to) = if towards_client { (&server, &client) } else { (&client, &server) };
            pair.simulation.clog(from, to);
            pair.simulation.run_for(31 * SECOND);
            pair.simulation.heal();
            pair.simulation.run_for(60 * SECOND);
            pair.nothing_is_left(&heard);
        });
    }
}

#[test]
fn a_client_that_crashes_takes_no_more_than_the_timeout_of_a_server() {
    at_each_moment(|mut pair, _| {
        let client = pair.client.clone();
        pair.simulation.crash(&client);
        if let Some(time) = when(&mut pair, |pair| pair.served.failures() > 0) {
            assert_eq!(time, LATENCY + HANDSHAKE_TIMEOUT);
            assert_eq!(*pair.served.failed.borrow(), [TOO_LONG]);
        }
        let unfinished = pair.served.connections.borrow().is_empty();
        if unfinished {
            assert_eq!(pair.simulation.reactor_stats(&pair.server).connections, 0);
            assert_eq!(pair.simulation.descriptors(&pair.server), 1);
        }
        pair.simulation.restart(&client);
        let again = pair.connected();
        pair.exchange(&again, "I am back");
    });
}

#[test]
fn a_server_that_crashes_and_comes_back_fails_the_handshake_or_begins_it_anew() {
    at_each_moment(|mut pair, heard| {
        let server = pair.server.clone();
        pair.simulation.crash(&server);
        pair.simulation.run_for(2 * SECOND);
        pair.simulation.restart(&server);
        pair.simulation.run_for(90 * SECOND);
        if heard.lost().is_none() && heard.is_made() {
            // Nothing tells an idle client whose handshake was over; a word does.
            heard.transport().write("are you there?");
            pair.simulation.run_for(120 * SECOND);
        }
        pair.nothing_is_left(&heard);
        let again = pair.connected();
        pair.exchange(&again, "as if nothing had been");
    });
}

#[test]
fn a_server_that_is_killed_tells_the_client_so() {
    at_each_moment(|mut pair, heard| {
        let server = pair.server.clone();
        pair.simulation.kill(&server);
        pair.simulation.run_for(SECOND);
        let told = heard.lost().expect("sockets that are closed are heard of");
        assert!(
            ["refused", "reset", "closed the connection", "broken pipe"]
                .iter()
                .any(|word| told.contains(word)),
            "{told}"
        );
        assert_eq!(pair.simulation.descriptors(&pair.client), 0);
    });
}
