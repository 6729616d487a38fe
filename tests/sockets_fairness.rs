//! Nobody waits for somebody else: floods, urgent data, and a loop that rests when there is nothing to do.
#![allow(clippy::unwrap_used, reason = "in a test a panic is the report")]

mod support;

use std::io::{self, Read, Write};
use std::net::TcpStream;
use std::thread;
use std::time::{Duration, Instant};

use ropewalk::{Protocol, Reactor, Result, Transport, for_protocol};
use support::{Event, Log, Probe, assert_rests, dial, listen, run_until, settle};

/// How much one connection may read in one turn.
const READ_BUDGET: u64 = 256 * 1024;

/// Writes as much as the network takes without waiting.
fn flood(stream: &mut TcpStream) {
    let junk = [b'x'; 64 * 1024];
    loop {
        match stream.write(&junk) {
            Ok(_) => {}
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => return,
            Err(error) => panic!("flooding: {error}"),
        }
    }
}

fn dial_nonblocking(address: std::net::SocketAddr) -> TcpStream {
    let stream = dial(address);
    stream.set_nonblocking(true).unwrap();
    stream
}

/// Hears everything and keeps nothing.
struct Discard;

impl Protocol for Discard {
    fn data_received(&mut self, _: &Transport, _: &[u8]) -> Result {
        Ok(())
    }
}

#[test]
fn g5_a_flood_does_not_delay_an_interactive_peer() {
    const FLOOD: usize = 100_000_000;
    let mut reactor = Reactor::new().unwrap();
    let talk = Log::default();
    let flooded = listen(&reactor, for_protocol(|| Discard));
    let talking = listen(&reactor, Probe::echo(&talk).factory());
    let mut talker = dial(talking);
    let flooders = [flooded, flooded].map(|address| {
        thread::spawn(move || {
            let mut stream = dial(address);
            (0..FLOOD / 1_000_000).for_each(|_| stream.write_all(&[b'x'; 1_000_000]).unwrap());
        })
    });
    run_until(&mut reactor, "the talker is connected", || talk.has(&Event::Made));
    let mut asked = 0;
    let mut turns = 0;
    run_until_measured(&mut reactor, |reactor| {
        if talk.received() == asked {
            if asked > 0 {
                // It was answered in the turn that heard it: no other will come before this has returned.
                talker.read_exact(&mut [0]).unwrap();
            }
            talker.write_all(b"?").unwrap();
            asked += 1;
            turns = 0;
        }
        turns += 1;
        // Mostly one turn; a busy machine may bring the question late. Behind the floods it would be hundreds.
        assert!(turns <= 50, "the talker was not heard for {turns} turns");
        reactor.stats().bytes_in >= 2 * FLOOD as u64
    });
    assert!(asked > 100, "the talker was heard {asked} times");
    for flooder in flooders {
        flooder.join().unwrap();
    }
}

/// Makes turns until `done`, and asserts that two floods and a talker never have more than their budgets in one turn.
#[track_caller]
fn run_until_measured(reactor: &mut Reactor, mut done: impl FnMut(&Reactor) -> bool) {
    let deadline = Instant::now() + support::PATIENCE;
    while !done(reactor) {
        assert!(Instant::now() < deadline, "in vain: {:?}", reactor.stats());
        let before = reactor.stats().bytes_in;
        let _ = reactor.run_once(Some(Duration::from_millis(1))).unwrap();
        let read = reactor.stats().bytes_in - before;
        assert!(read <= 2 * READ_BUDGET + 1, "{read} bytes in one turn");
    }
}

#[test]
fn g5_a_flood_does_not_keep_timers_calls_and_new_connections_waiting() {
    let mut reactor = Reactor::new().unwrap();
    let (floods, talk) = (Log::default(), Log::default());
    let flooded = listen(&reactor, Probe::new(&floods).factory());
    let talking = listen(&reactor, Probe::new(&talk).factory());
    let mut flooder = dial_nonblocking(flooded);
    run_until(&mut reactor, "the flooder is connected", || floods.has(&Event::Made));
    settle(&mut reactor);
    let (timer, call) = (talk.clone(), talk.clone());
    reactor.call_later(Duration::ZERO, move |_| timer.push(Event::Posted("timer".into())));
    reactor.call_when_running(move |_| call.push(Event::Posted("call".into())));
    let _newcomer = dial(talking);
    flood(&mut flooder);
    let _ = reactor.run_once(Some(Duration::ZERO)).unwrap();
    for heard in [Event::Made, Event::Posted("timer".into()), Event::Posted("call".into())] {
        assert!(talk.has(&heard), "{heard:?} waited");
    }
}

#[test]
fn urgent_data_is_delivered_in_its_place_and_what_follows_it_too() {
    let mut reactor = Reactor::new().unwrap();
    let log = Log::default();
    let address = listen(&reactor, Probe::echo(&log).factory());
    let mut stream = dial(address);
    run_until(&mut reactor, "connected", || log.has(&Event::Made));
    settle(&mut reactor);
    // Everything is there before the loop looks; no later event will announce what follows the urgent byte.
    for round in 1..=3 {
        stream.write_all(b"abc").unwrap();
        socket2::SockRef::from(&stream).send_out_of_band(b"!").unwrap();
        stream.write_all(b"def").unwrap();
        run_until(&mut reactor, "all is delivered", || log.data() == b"abc!def".repeat(round));
    }
}

#[test]
fn urgent_data_from_a_server_reaches_a_client_in_its_place() {
    let mut reactor = Reactor::new().unwrap();
    let listener = std::net::TcpListener::bind(support::ANY_PORT).unwrap();
    let log = Log::default();
    let factory = Probe::new(&log).factory();
    reactor.connect(listener.local_addr().unwrap(), &Default::default(), factory).then(|_| ());
    let (mut stream, _) = listener.accept().unwrap();
    stream.write_all(b"abc").unwrap();
    socket2::SockRef::from(&stream).send_out_of_band(b"!").unwrap();
    stream.write_all(b"def").unwrap();
    run_until(&mut reactor, "all is delivered", || log.data() == b"abc!def");
}

#[test]
fn a_loop_without_events_makes_no_turns() {
    let mut reactor = Reactor::new().unwrap();
    let log = Log::default();
    let address = listen(&reactor, Probe::echo(&log).factory());
    let streams: Vec<_> = (0..10).map(|_| dial(address)).collect();
    run_until(&mut reactor, "all are connected", || log.transports().len() == streams.len());
    // Everybody has talked, one has paused, one has a timer that is far away.
    for mut stream in &streams {
        stream.write_all(b"hello").unwrap();
    }
    run_until(&mut reactor, "all have talked", || log.received() == 50);
    log.transport().pause_reading();
    log.transport().set_idle_timeout(Some(Duration::from_secs(3600)));
    settle(&mut reactor);
    assert_rests(&mut reactor);
}

#[test]
fn a_paused_connection_with_input_waiting_does_not_keep_the_loop_awake() {
    let mut reactor = Reactor::new().unwrap();
    let log = Log::default();
    let address = listen(&reactor, Probe::new(&log).on_made(|transport| transport.pause_reading()).factory());
    let mut stream = dial_nonblocking(address);
    run_until(&mut reactor, "connected", || log.has(&Event::Made));
    flood(&mut stream);
    settle(&mut reactor);
    assert_rests(&mut reactor);
    assert_eq!(log.events(), [Event::Made]);
}
