//! Peers that mean harm.

use ropewalk_protocols::TelnetServer;
use ropewalk_reactor::testing::{Events, Memory, Script};
use ropewalk_reactor::{ListenOptions, for_protocol};

use crate::stage::{Bytes, DO, ECHO, IAC, SB, SE, WILL, WINDOW_SIZE, WONT, bytes, check, check_bytes, lines};

/// The longest subnegotiation.
const MAX: usize = 4096;

#[test]
fn a_subnegotiation_that_is_too_long_ends_the_connection_once_all_before_it_is_delivered() {
    let begin = bytes(&[b"one\r\n", &[IAC, SB, WINDOW_SIZE]]);
    let longest = bytes(&[&begin, &[b'x'; MAX - 1], &[IAC, SE], b"two\r\n"]);
    assert_eq!(check(longest).events, ["line one", "line two", "eof "]);
    let outcome = check(bytes(&[&begin, &[b'x'; MAX], &[IAC, SE], b"two\r\n"]));
    assert_eq!(outcome.events, ["line one"]);
    assert!(
        outcome.connection.contains("a subnegotiation of more than 4096 bytes"),
        "{}",
        outcome.connection
    );
}

#[test]
fn a_flood_of_requests_is_answered_within_bounds() {
    // The check repeats the input to a peer that reads nothing, and holds that what waits for it is bounded.
    for request in [&[IAC, WILL, 200][..], &[IAC, DO, ECHO, IAC, WONT, ECHO], &[IAC, 246], &[IAC, 244]] {
        check_bytes(request.repeat(100));
    }
}

#[test]
fn any_bytes_mean_the_same_in_any_division() {
    let known =
        [IAC, IAC, IAC, SB, SE, WILL, DO, WONT, 254, ECHO, 3, 24, 31, b'\r', b'\n', 0, 3, 4, 8, 21, 127, 244];
    lines().run_seeds(60, |dice| {
        let any = || u8::try_from(dice.roll(256)).unwrap();
        let pick = |_| if dice.chance(0.2) { any() } else { *dice.pick(&known) };
        Script::from((0..30).map(pick).collect::<Vec<u8>>())
    });
}

#[test]
fn who_has_the_server_answer_and_does_not_listen_is_not_heard() {
    let memory = Memory::new();
    let mut reactor = memory.reactor();
    let address = "127.0.0.1:23".parse().unwrap();
    let factory = TelnetServer::new(for_protocol(|| Bytes::new(Events::default())));
    reactor.listen(address, ListenOptions::default(), factory).unwrap();
    memory.settle(&mut reactor);
    let peer = memory.connect(address).unwrap();
    peer.set_window(Some(0));
    let sent = 4 * 1024 * 1024;
    peer.send([IAC, 246].repeat(sent / 2));
    memory.settle(&mut reactor);
    // One read gives rise to more answers than may wait; those that are not used up wait with it.
    assert!(reactor.stats().bytes_in <= 65 * 1024, "{} bytes were read", reactor.stats().bytes_in);
    assert_eq!(reactor.stats().connections, 1);
    peer.set_window(None);
    memory.settle(&mut reactor);
    assert_eq!(peer.received().len(), "[Yes]\r\n".len() * sent / 2);
}

#[test]
fn an_echo_to_who_does_not_listen_is_bounded() {
    let memory = Memory::new();
    let mut reactor = memory.reactor();
    let address = "127.0.0.1:23".parse().unwrap();
    let factory = TelnetServer::new(for_protocol(|| Bytes::new(Events::default())));
    reactor.listen(address, ListenOptions::default(), factory).unwrap();
    memory.settle(&mut reactor);
    let peer = memory.connect(address).unwrap();
    peer.set_window(Some(0));
    for _ in 0..64 {
        peer.send([b'x'; 64 * 1024]);
        memory.settle(&mut reactor);
    }
    // The high-water mark, and as much as is read in one turn.
    let stats = reactor.stats();
    assert!(stats.output_buffered <= (128 + 256) * 1024, "{} bytes wait", stats.output_buffered);
    assert_eq!(stats.connections, 1);
    // It goes on when the peer listens.
    peer.set_window(None);
    memory.settle(&mut reactor);
    assert_eq!(peer.received().len(), 64 * 64 * 1024);
}
