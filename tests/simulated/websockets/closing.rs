//! Closing: by one end or by both at once, with messages on their way.

use std::time::Duration;

use ropewalk::simulation::{Simulation, simulate};
use ropewalk::{CloseCode, MessageKind};

use super::{CLEAN, End, MILLISECOND, Pair, SECOND, plain};

/// The messages, numbered.
fn numbered(count: usize) -> Vec<(MessageKind, Vec<u8>)> {
    (0..count).map(|number| (MessageKind::Text, number.to_string().into_bytes())).collect()
}

/// An end that says numbers until it closes.
struct Speaker {
    end: End,
    said: usize,
    closes_at: Duration,
    code: CloseCode,
}

impl Speaker {
    fn speak(&mut self) {
        let socket = self.end.socket();
        if socket.is_open() {
            socket.send(&self.said.to_string());
            self.said += 1;
        }
    }
}

#[test]
fn both_may_close_at_any_time() {
    simulate(300, |simulation| {
        let dice = simulation.dice();
        let pair = Pair::open(simulation, plain, plain);
        let begun = simulation.now();
        let speaker = |end: &End, code| {
            let closes_at = MILLISECOND * 10 + Duration::from_micros(dice.roll(3_000));
            Speaker { end: end.clone(), said: 0, closes_at, code }
        };
        let mut speakers =
            [speaker(&pair.at_server, CloseCode::GOING_AWAY), speaker(&pair.at_client, CloseCode::NORMAL)];
        while simulation.now() - begun < 20 * MILLISECOND {
            for speaker in &mut speakers {
                speaker.speak();
                if simulation.now() - begun >= speaker.closes_at {
                    speaker.end.socket().close(speaker.code, "enough");
                }
            }
            simulation.run_for(Duration::from_micros(1 + dice.roll(300)));
        }
        simulation.run_for(100 * SECOND);
        let [server, client] = &speakers;
        for (hears, says) in [(server, client), (client, server)] {
            let heard = hears.end.0.borrow();
            assert_eq!(hears.end.reason().as_deref(), Some(CLEAN));
            // What comes after an end has closed is not delivered, but nothing before is missing.
            assert_eq!(heard.messages, numbered(heard.messages.len()));
            assert!(heard.messages.len() <= says.said);
            assert_eq!(heard.closing.len(), 1, "{:?}", heard.closing);
            let (code, reason) = &heard.closing[0];
            // That of the other end, or its answer, which says the same.
            assert!([1000, 1001].contains(&code.unwrap()) && reason == "enough", "{code:?} {reason}");
        }
        // The one that closed first has its word heard, with all before it.
        let (first, other) =
            if server.closes_at < client.closes_at { (server, client) } else { (client, server) };
        if other.closes_at > first.closes_at + 3 * MILLISECOND {
            assert_eq!(other.end.count(), first.said);
            assert_eq!(other.end.0.borrow().closing[0].0, Some(first.code.code()));
        }
        for host in [&pair.server, &pair.client] {
            assert_eq!(simulation.reactor_stats(host).connections, 0);
        }
    });
}

#[test]
fn both_at_the_very_same_moment() {
    let mut simulation = Simulation::new(1);
    let pair = Pair::open(&mut simulation, plain, plain);
    pair.at_server.socket().close(CloseCode::GOING_AWAY, "server");
    pair.at_client.socket().close(CloseCode::NORMAL, "client");
    simulation.run_for(SECOND);
    assert_eq!(pair.at_server.0.borrow().closing, [(Some(1000), "client".to_owned())]);
    assert_eq!(pair.at_client.0.borrow().closing, [(Some(1001), "server".to_owned())]);
    for end in [&pair.at_server, &pair.at_client] {
        assert_eq!(end.reason().as_deref(), Some(CLEAN));
    }
}

#[test]
fn who_is_killed_has_not_closed() {
    for victim_is_server in [false, true] {
        let mut simulation = Simulation::new(2);
        let pair = Pair::open(&mut simulation, plain, plain);
        let (victim, end) = match victim_is_server {
            true => (&pair.server, &pair.at_client),
            false => (&pair.client, &pair.at_server),
        };
        simulation.kill(victim);
        simulation.run_for(100 * SECOND);
        let reason = end.reason().unwrap();
        assert!(reason.ends_with("the connection ended without a close frame"), "{reason}");
    }
}
