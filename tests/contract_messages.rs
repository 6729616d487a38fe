//! The contract: what a message costs a connection in allocations and system calls once it is warm.
#![allow(clippy::unwrap_used, reason = "in a test a panic is the report")]

mod counting;
mod support;

use std::io::{Read, Write};
use std::time::Duration;

use allocation_counter::measure;
use counting::{Calls, World, turn};
use ropewalk::driver::PollUntil;
use ropewalk::{
    Delimiter, Factory, Instant, LineProtocol, LineReceiver, LineTransport, Protocol, Reactor, Result,
    Router, SendLine, TimerKey, Transport, for_protocol,
};
use support::{dial, listen, run_until, settle};

const MESSAGES: u64 = 10_000;

/// Turns after which every buffer that will be used again is there.
const WARM_UP: u64 = 10;

struct Echo;

impl Protocol for Echo {
    fn data_received(&mut self, transport: &Transport, data: &[u8]) -> Result {
        transport.write(data);
        Ok(())
    }
}

struct EchoLines;

impl LineProtocol for EchoLines {
    fn line_received(&mut self, transport: &mut LineTransport<'_>, line: &[u8]) -> Result {
        transport.send_line(line);
        Ok(())
    }
}

/// Delivers `input` to every connection in each of so many turns; returns the calls and the allocations that cost.
fn serve(
    connections: usize,
    factory: impl Factory + 'static,
    input: &'static [u8],
    turns: u64,
) -> (Calls, u64) {
    let (world, mut reactor) = World::with(connections, factory);
    let mut run = |turns| {
        for _ in 0..turns {
            for index in 0..connections {
                world.deliver(index, input);
            }
            turn(&mut reactor);
        }
    };
    run(WARM_UP);
    let before = world.calls();
    let allocations = measure(|| run(turns)).count_total;
    let after = world.calls();
    let stats = reactor.stats();
    assert_eq!((stats.reads, stats.writes, stats.output_buffered), (after.reads, after.writes, 0));
    let calls = Calls {
        polls: after.polls - before.polls,
        reads: after.reads - before.reads,
        writes: after.writes - before.writes,
        secrets: after.secrets - before.secrets,
        others: after.others - before.others,
        clock: after.clock - before.clock,
    };
    (calls, allocations)
}

#[test]
fn an_echoed_message_costs_one_read_and_one_write_and_no_allocation() {
    let (calls, allocations) = serve(1, for_protocol(|| Echo), &[b'x'; 64], MESSAGES);
    assert_eq!(
        calls,
        Calls {
            polls: MESSAGES,
            reads: MESSAGES,
            writes: MESSAGES,
            secrets: 0,
            others: 0,
            clock: 2 * MESSAGES
        }
    );
    assert_eq!(allocations, 0);
}

#[test]
fn a_routed_line_costs_one_read_and_one_write_and_no_allocation() {
    let router = Router::with_state(|_| 0_u64)
        .per_line(Delimiter::Lf)
        .prefix("GET ", |_, _| panic!("nobody says that"))
        .prefix("PUT ", |context, line| {
            *context.state += 1;
            context.send_line(line);
            Ok(())
        });
    let (calls, allocations) = serve(1, router, b"PUT something\n", MESSAGES);
    assert_eq!((calls.reads, calls.writes, calls.others), (MESSAGES, MESSAGES, 0));
    assert_eq!(allocations, 0);
}

#[test]
fn connections_that_are_ready_together_share_the_poll() {
    let turns = MESSAGES / 100;
    let (calls, allocations) = serve(100, for_protocol(|| Echo), &[b'x'; 64], turns);
    // The clock is read once for the turn and once after each callback, to find slow ones.
    assert_eq!(
        calls,
        Calls {
            polls: turns,
            reads: MESSAGES,
            writes: MESSAGES,
            secrets: 0,
            others: 0,
            clock: turns + MESSAGES
        }
    );
    assert_eq!(allocations, 0);
}

#[test]
fn fifty_large_answers_in_one_turn_cost_no_allocation() {
    let (calls, allocations) = serve(50, for_protocol(|| Echo), &[b'x'; 60_000], 20);
    assert_eq!((calls.reads, calls.writes, calls.others), (1_000, 1_000, 0));
    assert_eq!(allocations, 0);
}

#[test]
fn a_real_echo_allocates_nothing_either() {
    let mut reactor = Reactor::new().unwrap();
    let mut peer = dial(listen(&reactor, for_protocol(|| Echo)));
    let handle = reactor.handle();
    let mut echo = || {
        let (mut answer, arrived) = ([0; 64], handle.stats().bytes_out + 64);
        peer.write_all(&[b'x'; 64]).unwrap();
        run_until(&mut reactor, "the answer", || handle.stats().bytes_out == arrived);
        peer.read_exact(&mut answer).unwrap();
    };
    (0..WARM_UP).for_each(|_| echo());
    let before = handle.stats();
    let allocations = measure(|| (0..1_000).for_each(|_| echo())).count_total;
    let after = handle.stats();
    assert_eq!(allocations, 0);
    assert_eq!((after.reads - before.reads, after.writes - before.writes), (1_000, 1_000));
    settle(&mut reactor);
}

/// A hundred lines of 16 bytes in one read.
static LINES: [u8; 1_800] = {
    let mut lines = [b'x'; 1_800];
    let mut end = 0;
    while end < lines.len() {
        end += 18;
        lines[end - 2] = b'\r';
        lines[end - 1] = b'\n';
    }
    lines
};

#[test]
fn a_line_costs_no_allocation_and_lines_of_one_read_share_a_write() {
    let reads = MESSAGES / 100;
    let (calls, allocations) = serve(1, for_protocol(|| LineReceiver::new(EchoLines)), &LINES, reads);
    assert_eq!((calls.reads, calls.writes, calls.others), (reads, reads, 0));
    assert_eq!(allocations, 0);
}

#[test]
fn a_line_in_two_pieces_costs_at_most_two_allocations() {
    let (world, mut reactor) = World::with(1, for_protocol(|| LineReceiver::new(EchoLines)));
    let mut line = || {
        for piece in ["half a line, and ".as_bytes(), b"the other\r\n"] {
            world.deliver(0, piece);
            turn(&mut reactor);
        }
    };
    (0..WARM_UP).for_each(|_| line());
    let allocations = measure(|| (0..1_000).for_each(|_| line())).count_total;
    assert!(allocations <= 2_000);
}

/// Sets an idle timeout and echoes.
struct Timed(Duration);

impl Protocol for Timed {
    fn connection_made(&mut self, transport: &Transport) {
        transport.set_idle_timeout(Some(self.0));
    }

    fn data_received(&mut self, transport: &Transport, data: &[u8]) -> Result {
        transport.write(data);
        Ok(())
    }
}

#[test]
fn traffic_puts_off_an_idle_timeout_without_work_on_timers() {
    let timeout = Duration::from_secs(30);
    let (world, mut reactor) = World::with(1, for_protocol(move || Timed(timeout)));
    let mut message = || {
        world.advance(Duration::from_millis(1));
        world.deliver(0, b"still here");
        turn(&mut reactor);
        // The timer stays where the beginning of the connection has put it.
        assert_eq!(world.until(), Some(PollUntil::Deadline(Instant::ZERO + timeout)));
        assert_eq!(reactor.stats().timers, 1);
    };
    (0..WARM_UP).for_each(|_| message());
    let turns = world.calls().polls;
    let allocations = measure(|| (0..MESSAGES).for_each(|_| message())).count_total;
    assert_eq!(allocations, 0);
    assert_eq!(world.calls().polls - turns, MESSAGES, "no turn was for the timer");
}

/// Expects each message within a time, as protocols do that wait for an answer: by a timer that it alone has.
struct Expects(Option<TimerKey>);

impl Protocol for Expects {
    fn data_received(&mut self, transport: &Transport, data: &[u8]) -> Result {
        match self.0.take() {
            Some(timer) => transport.cancel_timer(timer),
            None => self.0 = Some(transport.set_timer(Duration::from_secs(30))),
        }
        if data.ends_with(b"again") {
            let timer = transport.set_timer(Duration::from_secs(30));
            self.0 = Some(timer);
        }
        Ok(())
    }
}

#[test]
fn a_timer_that_is_set_and_cancelled_for_each_message_costs_no_allocation() {
    for (connections, message) in [(1, "again"), (1, "by turns"), (16, "by turns")] {
        let (_, allocations) = serve(connections, for_protocol(|| Expects(None)), message.as_bytes(), 1_000);
        assert_eq!(allocations, 0, "{connections} connections, {message}");
    }
}

/// Is woken every second.
struct Ticks;

impl Protocol for Ticks {
    fn connection_made(&mut self, transport: &Transport) {
        transport.set_timer(Duration::from_secs(1));
    }

    fn data_received(&mut self, _: &Transport, _: &[u8]) -> Result {
        Ok(())
    }

    fn timer_expired(&mut self, transport: &Transport, _: TimerKey) {
        transport.set_timer(Duration::from_secs(1));
    }
}

#[test]
fn a_timer_that_is_set_anew_whenever_it_expires_costs_no_allocation() {
    let (world, mut reactor) = World::with(10, for_protocol(|| Ticks));
    let mut tick = || {
        world.advance(Duration::from_secs(1));
        turn(&mut reactor);
    };
    (0..WARM_UP).for_each(|_| tick());
    assert_eq!(measure(|| (0..1_000).for_each(|_| tick())).count_total, 0);
}
