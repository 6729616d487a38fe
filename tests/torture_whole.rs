//! A mebibyte that is sent and followed by the end at once arrives whole: in either direction, on connections of either
//! side, whoever pauses.
#![cfg(target_os = "linux")]
#![allow(clippy::unwrap_used, reason = "in a test a panic is the report")]

mod support;

use std::cell::RefCell;
use std::io::{Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::rc::Rc;
use std::sync::LazyLock;
use std::sync::mpsc::{self, Receiver};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use ropewalk::{
    ConnectOptions, Factory, Protocol, Reactor, Reason, Result, TimerKey, Transport, for_protocol,
};
use support::{
    ANY_PORT, CLEAN, Footprint, alone, dial, open_port, pattern, run_until, settle, socket_address,
};

static WHOLE: LazyLock<Vec<u8>> = LazyLock::new(|| pattern(1_048_576));

/// How many connections do the same at once.
const CROWD: usize = 10;

/// What the reactor's end does.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Sends {
    Nothing,
    /// All, then it closes.
    AndCloses,
    /// All, then it finishes and goes on reading.
    AndFinishes,
}

/// How the reactor's end reads.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Reads {
    AsItComes,
    /// It pauses after each piece, and before the first.
    WithPauses,
}

/// One way for both ends to behave.
#[derive(Clone, Copy, Debug)]
struct Plan {
    sends: Sends,
    reads: Reads,
    /// The peer sends all; in any case it finishes, or closes if there is nothing to read.
    peer_sends: bool,
    /// The peer does nothing before the reactor's end has done what it can.
    peer_waits: bool,
}

/// What the ends of one crowd have heard.
#[derive(Clone, Default)]
struct Heard {
    input: Rc<RefCell<Vec<Vec<u8>>>>,
    losses: Rc<RefCell<Vec<String>>>,
}

/// The reactor's end.
struct End {
    plan: Plan,
    heard: Heard,
    input: Vec<u8>,
}

impl End {
    fn factory(plan: Plan, heard: &Heard) -> impl Factory + use<> {
        let heard = heard.clone();
        for_protocol(move || Self { plan, heard: heard.clone(), input: Vec::new() })
    }

    fn pause(&self, transport: &Transport) {
        if self.plan.reads == Reads::WithPauses {
            transport.pause_reading();
            transport.set_timer(Duration::ZERO);
        }
    }
}

impl Protocol for End {
    fn connection_made(&mut self, transport: &Transport) {
        self.pause(transport);
        match self.plan.sends {
            Sends::Nothing => {}
            Sends::AndCloses => {
                transport.write(&*WHOLE);
                transport.lose_connection();
            }
            Sends::AndFinishes => {
                transport.write(&*WHOLE);
                transport.lose_write_connection();
            }
        }
    }

    fn data_received(&mut self, transport: &Transport, data: &[u8]) -> Result {
        self.input.extend_from_slice(data);
        self.pause(transport);
        Ok(())
    }

    fn timer_expired(&mut self, transport: &Transport, _: TimerKey) {
        transport.resume_reading();
    }

    fn connection_lost(&mut self, _: &Transport, reason: &Reason) {
        self.heard.input.borrow_mut().push(std::mem::take(&mut self.input));
        self.heard.losses.borrow_mut().push(reason.to_string());
    }
}

/// The peer's end: what it reads.
fn be_peer(mut stream: TcpStream, plan: Plan, gate: &Receiver<()>) -> Vec<u8> {
    if plan.peer_waits {
        let _ = gate.recv();
    }
    let mut writer = stream.try_clone().unwrap();
    let writing = thread::spawn(move || {
        if plan.peer_sends {
            writer.write_all(&WHOLE).unwrap();
        }
        if plan.sends != Sends::Nothing {
            writer.shutdown(Shutdown::Write).unwrap();
        }
    });
    let mut heard = Vec::new();
    if plan.sends == Sends::Nothing {
        drop(stream);
    } else {
        stream.read_to_end(&mut heard).unwrap();
    }
    writing.join().unwrap();
    heard
}

/// Has a crowd follow the plan on connections that `connect` makes.
fn follow(reactor: &mut Reactor, plan: Plan, heard: &Heard, connect: impl Fn(&Reactor) -> TcpStream) {
    let before = Footprint::take(reactor);
    let begin = |_| {
        let stream = connect(reactor);
        let (gate, opened) = mpsc::channel();
        (gate, thread::spawn(move || be_peer(stream, plan, &opened)))
    };
    let (gates, peers): (Vec<_>, Vec<_>) = (0..CROWD).map(begin).unzip();
    settle(reactor);
    drop(gates);
    let what = format!("{plan:?}");
    run_until(reactor, &what, || {
        heard.losses.borrow().len() == CROWD && peers.iter().all(JoinHandle::is_finished)
    });
    for peer in peers {
        let whole: &[u8] = if plan.sends == Sends::Nothing { &[] } else { &WHOLE };
        assert!(peer.join().unwrap() == whole, "a peer has not heard all: {plan:?}");
    }
    assert_eq!(*heard.losses.borrow(), [CLEAN; CROWD], "{plan:?}");
    if plan.sends != Sends::AndCloses {
        let whole: &[u8] = if plan.peer_sends { &WHOLE } else { &[] };
        let input = heard.input.borrow();
        assert!(input.iter().all(|input| input == whole), "not all was heard: {plan:?}");
    }
    before.assert_restored(reactor);
}

fn plans() -> impl Iterator<Item = Plan> {
    let sends = [Sends::Nothing, Sends::AndCloses, Sends::AndFinishes];
    let reads = [Reads::AsItComes, Reads::WithPauses];
    sends.into_iter().flat_map(move |sends| {
        reads.into_iter().flat_map(move |reads| {
            [(false, false), (false, true), (true, false), (true, true)]
                .map(|(peer_sends, peer_waits)| Plan { sends, reads, peer_sends, peer_waits })
        })
    })
}

#[test]
fn g3_a_mebibyte_arrives_whole_on_accepted_connections() {
    alone("g3_a_mebibyte_arrives_whole_on_accepted_connections", 64, || {
        let mut reactor = Reactor::new().unwrap();
        for plan in plans() {
            let heard = Heard::default();
            let port = open_port(&reactor, End::factory(plan, &heard));
            let address = socket_address(port.address());
            follow(&mut reactor, plan, &heard, |_| dial(address));
            port.stop().then(|()| ());
        }
    });
}

#[test]
fn g3_a_mebibyte_arrives_whole_on_connections_of_ones_own() {
    alone("g3_a_mebibyte_arrives_whole_on_connections_of_ones_own", 64, || {
        let mut reactor = Reactor::new().unwrap();
        let listener = TcpListener::bind(ANY_PORT).unwrap();
        let address = listener.local_addr().unwrap();
        for plan in plans() {
            let heard = Heard::default();
            follow(&mut reactor, plan, &heard, |reactor| {
                let factory = End::factory(plan, &heard);
                let attempt = reactor.connect(address, &ConnectOptions::default(), factory);
                attempt.then(|result| drop(result.unwrap()));
                listener.accept().unwrap().0
            });
        }
    });
}
