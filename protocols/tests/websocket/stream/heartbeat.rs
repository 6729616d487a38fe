//! Peers that are silent.

use std::time::Duration;

use ropewalk_protocols::{WebSocketClientConfig, WebSocketServerConfig};

use super::stage::{ANSWER_TO_ZEROS, Stage, frames};
use crate::world::{REQUEST, SECOND, close, masked};

const PING: (u8, Vec<u8>) = (9, Vec::new());

impl Stage {
    /// A server whose WebSocket is open.
    fn open(config: WebSocketServerConfig) -> Self {
        let mut stage = Self::server(config);
        stage.say(REQUEST);
        stage.events.take();
        stage
    }

    /// The frames that the peer gets within this time and not before its last nanosecond.
    #[track_caller]
    fn frames_after(&mut self, time: Duration) -> Vec<(u8, Vec<u8>)> {
        self.memory.run_for(&mut self.reactor, time - Duration::from_nanos(1));
        assert_eq!(frames(&self.peer.received()), [], "too early");
        self.memory.run_for(&mut self.reactor, Duration::from_nanos(1));
        frames(&self.peer.received())
    }
}

#[test]
fn a_server_asks_who_is_silent_and_gives_up_who_does_not_answer() {
    let mut stage = Stage::open(WebSocketServerConfig::new());
    assert_eq!(stage.frames_after(30 * SECOND), [PING]);
    let error = "no answer to a ping within 30s";
    assert_eq!(stage.frames_after(30 * SECOND), [(8, close(1011, error))]);
    stage.peer.finish();
    stage.memory.settle(&mut stage.reactor);
    assert_eq!(stage.reactor.stats().connections, 0);
}

#[test]
fn who_answers_stays_and_who_speaks_is_not_asked() {
    let mut stage = Stage::open(WebSocketServerConfig::new().heartbeat(5 * SECOND));
    for _ in 0..20 {
        assert_eq!(stage.frames_after(5 * SECOND), [PING]);
        assert_eq!(stage.say(masked(0x8a, "")), b"");
    }
    for _ in 0..20 {
        stage.memory.run_for(&mut stage.reactor, 4 * SECOND);
        assert_eq!(stage.say(masked(0x82, "a")), b"");
    }
    // Half a frame is a sign of life too.
    stage.memory.run_for(&mut stage.reactor, 4 * SECOND);
    assert_eq!(stage.say(&masked(0x82, "a")[..1]), b"");
    assert_eq!(stage.frames_after(5 * SECOND), [PING]);
}

#[test]
fn without_a_heartbeat_silence_is_nothing() {
    let mut stage = Stage::open(WebSocketServerConfig::new().heartbeat(None));
    stage.memory.run_for(&mut stage.reactor, 10_000 * SECOND);
    assert_eq!(stage.peer.received(), b"");
}

#[test]
fn a_client_asks_if_it_is_told_to() {
    let config = || WebSocketClientConfig::new("ws://a/".parse().unwrap());
    let (mut stage, _) = Stage::client(config());
    stage.say(ANSWER_TO_ZEROS);
    stage.memory.run_for(&mut stage.reactor, 10_000 * SECOND);
    assert_eq!(stage.peer.received(), b"");
    let (mut stage, _) = Stage::client(config().heartbeat(7 * SECOND));
    stage.say(ANSWER_TO_ZEROS);
    stage.memory.run_for(&mut stage.reactor, 7 * SECOND);
    assert_eq!(stage.peer.received(), b"\x89\x80\0\0\0\0");
}

#[test]
fn whoever_has_closed_is_not_asked() {
    let mut stage = Stage::open(WebSocketServerConfig::new());
    assert_eq!(stage.say(masked(0x82, "finish\n")).len(), b"\x82\x09[finish]\n\x88\x02\x03\xe8".len());
    stage.memory.run_for(&mut stage.reactor, 1000 * SECOND);
    assert_eq!(stage.peer.received(), b"");
    assert!(!stage.peer.is_closed());
}

#[test]
fn a_heartbeat_of_no_time_is_none() {
    let mut stage = Stage::open(WebSocketServerConfig::new().heartbeat(Duration::ZERO));
    stage.memory.run_for(&mut stage.reactor, 100 * SECOND);
    assert_eq!(frames(&stage.peer.received()), []);
    assert!(!stage.peer.is_closed());
}
