//! Two connections joined by `pipe`: what passes, who waits for whom, and how both end, on virtual time.
#![allow(clippy::unwrap_used, reason = "in a test a panic is the report")]

mod world;

use std::io;

use ropewalk::testing::{Operation, Peer};
use ropewalk::{Limits, Transport, pipe};
use world::{Echo, Log, SECOND, Script, World, limits};

const MIB: usize = 1024 * 1024;

/// The most that one read gives.
const READ: usize = 65 * 1024;

/// Two connections and the far ends of both.
struct Pair {
    world: World,
    left: Peer,
    right: Peer,
    a: Transport,
    b: Transport,
}

impl Pair {
    /// Two connections that are not joined yet.
    fn apart() -> Self {
        let mut world = World::new();
        let (left, a) = world.open(Script::new(&Log::default()));
        let (right, b) = world.open(Script::new(&Log::default()));
        Self { world, left, right, a, b }
    }

    fn joined() -> Self {
        let mut pair = Self::apart();
        pipe(&pair.a, &pair.b);
        pair.world.settle();
        pair
    }

    fn settle(&mut self) {
        self.world.settle();
    }

    #[track_caller]
    fn assert_over(&mut self) {
        self.world.run_for(3 * SECOND);
        assert!(self.left.is_closed() && self.right.is_closed());
        assert_eq!((self.world.connections(), self.world.memory.descriptors()), (0, 0));
    }
}

/// Bytes in which a missing, doubled or misplaced piece shows.
fn pattern(length: usize, seed: usize) -> Vec<u8> {
    (0..length).map(|index| ((index + seed) % 251) as u8 ^ (index / 251 % 241) as u8).collect()
}

#[test]
fn what_either_receives_goes_to_the_other() {
    let mut pair = Pair::joined();
    pair.left.send("from left");
    pair.right.send("from right");
    pair.settle();
    assert_eq!(pair.right.received(), b"from left");
    assert_eq!(pair.left.received(), b"from right");
}

/// The end of one direction leaves the other alone; with both, both connections are closed in an orderly way.
#[test]
fn each_half_close_reaches_the_other_side() {
    for left_first in [true, false] {
        let mut pair = Pair::joined();
        let (first, second) = match left_first {
            true => (pair.left.clone(), pair.right.clone()),
            false => (pair.right.clone(), pair.left.clone()),
        };
        first.send("request");
        first.finish();
        pair.settle();
        assert_eq!(second.received(), b"request");
        assert!(second.has_finished() && !first.has_finished());
        pair.world.run_for(1000 * SECOND);
        second.send("reply");
        pair.settle();
        assert_eq!(first.received(), b"reply");
        second.send(", the rest");
        second.finish();
        pair.settle();
        assert_eq!(first.received(), b", the rest");
        assert!(first.has_finished());
        assert!(!first.was_reset() && !second.was_reset());
        pair.assert_over();
    }
}

/// The request and its end, the reply and its end, all at once.
#[test]
fn bytes_and_ends_in_one_turn_arrive_in_order() {
    let mut pair = Pair::apart();
    pair.left.send("request");
    pair.left.finish();
    pair.right.send("reply");
    pair.right.finish();
    pipe(&pair.a, &pair.b);
    pair.settle();
    assert_eq!((pair.right.received(), pair.left.received()), (b"request".to_vec(), b"reply".to_vec()));
    assert!(!pair.left.was_reset() && !pair.right.was_reset());
    pair.assert_over();
}

/// A tail that the reader takes late is not cut off by the end of the connection that it came from.
#[test]
fn the_tail_of_a_reply_is_never_lost() {
    for is_half_closed in [true, false] {
        let mut pair = Pair::joined();
        let reply = pattern(3 * MIB, 0);
        pair.left.set_window(Some(0));
        pair.left.send("request");
        if is_half_closed {
            pair.left.finish();
        }
        pair.right.send(&reply);
        pair.right.finish();
        let mut heard = Vec::new();
        while !pair.left.has_finished() {
            pair.left.open_window(100_000);
            pair.world.run_for(SECOND);
            heard.extend(pair.left.received());
            assert!(heard.len() <= reply.len());
        }
        assert!(heard == reply, "{} of {} bytes arrived", heard.len(), reply.len());
        assert_eq!(pair.right.received(), b"request");
        pair.left.finish();
        pair.assert_over();
    }
}

/// Five megabytes each way, read slowly: all arrive, and no more waits in memory than a mark and one read.
#[test]
fn slow_readers_slow_the_senders_down_in_bounded_memory() {
    for (high_water, low_water) in [(128 * 1024, 32 * 1024), (1000, 10), (0, 0)] {
        let mut pair = Pair::joined();
        for transport in [&pair.a, &pair.b] {
            transport.set_limits(limits(|limits| {
                (limits.high_water, limits.low_water) = (high_water, low_water);
            }));
        }
        let (there, back) = (pattern(5 * MIB, 0), pattern(5 * MIB, 7));
        let (mut heard_there, mut heard_back) = (Vec::new(), Vec::new());
        pair.left.set_window(Some(0));
        pair.right.set_window(Some(0));
        pair.left.send(&there);
        pair.right.send(&back);
        pair.left.finish();
        pair.right.finish();
        let mut peak = 0;
        while heard_there.len() + heard_back.len() < there.len() + back.len() {
            pair.right.open_window(70_000);
            pair.left.open_window(30_000);
            pair.settle();
            peak = peak.max(pair.a.buffered()).max(pair.b.buffered());
            let before = heard_there.len() + heard_back.len();
            heard_there.extend(pair.right.received());
            heard_back.extend(pair.left.received());
            assert!(heard_there.len() + heard_back.len() > before, "nothing moves");
        }
        assert!(heard_there == there && heard_back == back);
        assert!(peak <= high_water + READ, "{peak} bytes waited above a mark of {high_water}");
        assert!(peak >= high_water.min(READ), "the mark was never reached: {peak}");
        pair.assert_over();
    }
}

/// Without windows nothing waits, and a fast pipe is not slowed down by its marks.
#[test]
fn fast_readers_are_not_slowed_down() {
    let mut pair = Pair::joined();
    let bulk = pattern(20 * MIB, 0);
    pair.left.send(&bulk);
    let turns = pair.world.reactor.stats().turns;
    pair.settle();
    assert!(pair.right.received() == bulk);
    let turns = pair.world.reactor.stats().turns - turns;
    // One for every two reads, as the second of them is above the mark; and a few.
    assert!((turns as usize) < 20 * MIB / READ / 2 + 10, "{turns} turns");
}

/// One direction that is stuck does not stop the other.
#[test]
fn the_directions_do_not_wait_for_each_other() {
    let mut pair = Pair::joined();
    pair.right.set_window(Some(0));
    pair.left.send(pattern(MIB, 0));
    pair.settle();
    let back = pattern(MIB, 1);
    pair.right.send(&back);
    pair.settle();
    assert!(pair.left.received() == back);
    pair.right.set_window(None);
    pair.settle();
    assert!(pair.right.received() == pattern(MIB, 0));
}

/// A reset resets the other side, after what was written to it.
#[test]
fn a_reset_reaches_the_other_side_once_its_output_is_sent() {
    let mut pair = Pair::joined();
    pair.left.set_window(Some(0));
    pair.right.send("last words");
    pair.settle();
    pair.right.reset();
    pair.settle();
    assert!(!pair.left.has_finished() && !pair.left.was_reset());
    pair.left.set_window(None);
    pair.settle();
    assert_eq!(pair.left.received(), b"last words");
    assert!(pair.left.was_reset());
    pair.assert_over();
}

/// What had come to its end before was whole.
#[test]
fn a_reset_behind_the_end_of_input_closes_the_other_side() {
    let mut pair = Pair::joined();
    pair.right.send("all of it");
    pair.right.finish();
    pair.settle();
    pair.right.reset();
    pair.settle();
    assert_eq!(pair.left.received(), b"all of it");
    assert!(pair.left.has_finished() && !pair.left.was_reset());
    pair.left.finish();
    pair.assert_over();
}

/// Whatever ends one connection ends the other, in the same way.
#[test]
fn every_loss_ends_the_other_side() {
    type End = fn(&Transport, &Peer);
    let ends: [(&str, bool, End); 6] = [
        ("an abort", false, |transport, _| transport.abort_connection()),
        ("a close", true, |transport, _| transport.lose_connection()),
        ("an error", false, |transport, _| transport.fail("no more")),
        ("an idle timeout", true, |transport, _| {
            transport.set_idle_timeout(Some(SECOND));
        }),
        ("a deadline", true, |transport, _| transport.set_deadline(Some(SECOND))),
        ("a failed write", false, |transport, peer| {
            peer.fail_next(Operation::Write, 1, io::ErrorKind::BrokenPipe);
            transport.write("x");
        }),
    ];
    for (end, is_orderly, act) in ends {
        for of_left in [true, false] {
            let mut pair = Pair::joined();
            let (ended, its_peer, other) = match of_left {
                true => (&pair.a, &pair.left, pair.right.clone()),
                false => (&pair.b, &pair.right, pair.left.clone()),
            };
            act(ended, its_peer);
            pair.world.run_for(4 * SECOND);
            assert_eq!((other.has_finished(), other.was_reset()), (is_orderly, !is_orderly), "{end}");
            pair.assert_over();
        }
    }
}

/// A reader that is stuck for good is given up by its own write timeout, and the sender with it.
#[test]
fn a_stuck_reader_ends_both() {
    let mut pair = Pair::joined();
    pair.right.set_window(Some(0));
    pair.left.send(pattern(MIB, 0));
    pair.world.run_for(Limits::DEFAULT.write_timeout);
    assert!(pair.right.was_reset() && pair.left.was_reset());
    pair.assert_over();
}

/// After a header was read: what came with it goes on first.
#[test]
fn a_protocol_may_read_a_header_and_join_then() {
    let mut world = World::new();
    let (right, behind) = world.open(Script::new(&Log::default()));
    let (left, _a) = world.open(Script::new(&Log::default()).on_data(move |transport, data| {
        behind.write(&data[7..]);
        pipe(transport, &behind);
        Ok(())
    }));
    left.send("HEADER\nbody");
    left.finish();
    world.settle();
    assert_eq!(right.received(), b"body");
    assert!(right.has_finished());
    right.send("answer");
    right.finish();
    world.settle();
    assert_eq!(left.received(), b"answer");
    world.settle();
    assert_eq!(world.connections(), 0);
}

/// Paused connections read on; what their protocols wrote before counts for the marks.
#[test]
fn joining_ends_pauses_and_respects_what_waits_already() {
    let mut pair = Pair::apart();
    pair.a.pause_reading();
    pair.b.pause_reading();
    pair.right.set_window(Some(0));
    pair.b.write(pattern(200_000, 0));
    pair.left.send("x");
    pair.right.send("y");
    pair.settle();
    pipe(&pair.a, &pair.b);
    pair.settle();
    assert_eq!(pair.left.received(), b"y");
    assert_eq!(pair.b.buffered(), 200_000);
    pair.right.set_window(None);
    pair.settle();
    assert_eq!(pair.right.received().last(), Some(&b'x'));
}

/// If one is gone or closing already, the other is closed.
#[test]
fn joining_a_connection_that_has_ended_closes_the_other() {
    for aborts in [true, false] {
        let mut pair = Pair::apart();
        if aborts {
            pair.b.abort_connection()
        } else {
            pair.b.lose_connection()
        }
        pair.right.finish();
        pair.settle();
        assert!(pair.right.is_closed());
        pair.a.write("so far");
        pipe(&pair.a, &pair.b);
        pair.settle();
        assert_eq!(pair.left.received(), b"so far");
        assert!(pair.left.has_finished());
        pair.left.finish();
        pair.assert_over();
    }
}

/// A connection that gets another protocol, or another partner, is no longer joined.
#[test]
fn leaving_a_pipe_closes_the_other_side() {
    let mut pair = Pair::joined();
    pair.a.switch_protocol(Echo, []);
    pair.settle();
    assert!(pair.right.has_finished());
    pair.left.send("alone");
    pair.settle();
    assert_eq!(pair.left.received(), b"alone");
}

/// A connection joined to itself only closes.
#[test]
fn a_connection_cannot_be_joined_to_itself() {
    let mut pair = Pair::apart();
    pipe(&pair.a, &pair.a);
    pair.left.send("x");
    pair.left.finish();
    pair.b.lose_connection();
    pair.right.finish();
    pair.assert_over();
}

/// Many senders, one slow reader: each waits, all go on, those that are gone are forgotten.
#[test]
fn many_may_wait_for_one() {
    let (mut world, sink) = (World::new(), Log::default());
    let (slow, transport) = world.open(Script::new(&sink));
    transport.set_limits(limits(|limits| (limits.high_water, limits.low_water) = (100, 10)));
    slow.set_window(Some(0));
    let mut senders: Vec<Peer> = Vec::new();
    for _ in 0..50 {
        let to = transport.clone();
        let (sender, _) = world.open(Script::new(&Log::default()).on_data(move |transport, data| {
            to.write(data);
            transport.wait_for_room(&to);
            Ok(())
        }));
        sender.send([b'x'; 101]);
        world.settle();
        sender.send("more");
        senders.push(sender);
    }
    world.settle();
    assert_eq!(transport.buffered(), 50 * 101);
    senders.drain(..20).for_each(|sender| sender.reset());
    world.run_for(61 * SECOND);
    assert_eq!(world.connections(), 31);
    slow.set_window(None);
    world.settle();
    assert_eq!(slow.received().len(), 50 * 101 + 30 * 4);
    transport.abort_connection();
    world.settle();
    assert_eq!(world.connections(), 30);
}

/// The pauses of a user and of a wait are two.
#[test]
fn a_wait_for_room_is_not_a_pause_of_the_user() {
    let (log, mut pair) = (Log::default(), Pair::apart());
    pair.a.switch_protocol(Script::new(&log), []);
    pair.right.set_window(Some(0));
    pair.b.write(pattern(200_000, 0));
    pair.settle();
    log.take();
    pair.a.wait_for_room(&pair.b);
    pair.a.resume_reading();
    pair.left.send("x");
    pair.settle();
    assert!(pair.a.is_reading_paused() && log.take().is_empty());
    pair.a.pause_reading();
    pair.right.set_window(None);
    pair.settle();
    assert!(pair.a.is_reading_paused() && log.take().is_empty());
    pair.a.resume_reading();
    pair.settle();
    assert_eq!(log.take(), ["reading resumed", "data x"]);
    pair.a.wait_for_room(&pair.b);
    assert!(!pair.a.is_reading_paused(), "there is room");
}
