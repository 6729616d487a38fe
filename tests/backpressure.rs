//! Slow peers: water marks, pausing of reading, the output limit (S43, S66, S67; G4), on virtual time.

mod world;

use std::io::ErrorKind;
use std::rc::Rc;
use std::time::Duration;

use ropewalk::driver::Readiness;
use ropewalk::testing::Operation;
use ropewalk::{Bytes, Limits};
use world::{Echo, Log, SECOND, Script, World, limits};

const MEBIBYTE: usize = 1024 * 1024;

/// S43: a write is not sent inside the call.
#[test]
fn s43_writes_leave_at_the_end_of_the_turn_in_order() {
    let log = Log::default();
    let (mut world, peer, _) = World::with(Script::new(&log).on_data(|transport, _| {
        transport.write("");
        transport.write("one ");
        transport.write_vectored(&[b"two ", b"", b"three"]);
        assert_eq!(transport.buffered(), 13);
        Ok(())
    }));
    peer.send("go");
    world.settle();
    assert_eq!(peer.received(), b"one two three");
    assert_eq!(peer.writes(), 1);
}

/// S49: pieces written together are their concatenation. Either all of them are accepted or, over the limit, none.
#[test]
fn s49_write_vectored_is_one_write() {
    let (mut world, peer, transport) = World::with(Echo);
    transport.set_limits(limits(|limits| limits.output = 10));
    transport.write_vectored(&[b"", b"01", b"234", b""]);
    world.settle();
    assert_eq!(peer.received(), b"01234");
    assert_eq!(peer.writes(), 1);
    peer.set_window(Some(0));
    transport.write_vectored(&[b"0123456789", b"a"]);
    assert_eq!(transport.buffered(), 0);
    assert!(!transport.is_open());
}

/// What a turn reads of a connection that has sent more.
const SHARE: [&str; 4] = ["data of 66560", "data of 66560", "data of 66560", "data of 62464"];

/// S66: a read gives at most 66560 bytes, and one connection may not hold the loop.
#[test]
fn s66_g5_reads_are_bounded_and_shared() {
    let log = Log::default();
    let (mut world, peer, _) = World::with(Script::new(&log));
    let other = Log::default();
    let (second, _) = world.open(Script::new(&other));
    log.take();
    peer.send(vec![b'x'; 1024 * 1024]);
    second.send("hello");
    world.turn();
    assert_eq!(log.take(), SHARE, "a quarter of a megabyte is a turn's budget");
    assert_eq!(other.take(), ["made", "data hello"]);
    world.settle();
    assert_eq!(log.take(), [SHARE; 3].concat());
}

/// S66: however often a connection is told that it is readable, and whatever else it asks for, its share of a turn stays the
/// same.
#[test]
fn s66_g5_nothing_gives_a_connection_two_shares_of_a_turn() {
    let log = Log::default();
    let script = Script::new(&log).on_data(|transport, _| {
        transport.write("x");
        Ok(())
    });
    let (mut world, peer, _) = World::with(script);
    log.take();
    peer.send(vec![b'x'; MEBIBYTE]);
    for _ in 0..4 {
        world.turn();
        assert_eq!(log.take(), SHARE);
        peer.spurious(Readiness { readable: true, ..Readiness::default() });
    }
}

/// S67: a full socket keeps the bytes; they follow when there is room.
#[test]
fn s67_g3_a_full_socket_keeps_output_in_order() {
    let (mut world, peer, transport) = World::with(Echo);
    let sent: Vec<u8> = (0..100_000_u32).flat_map(u32::to_be_bytes).collect();
    peer.set_window(Some(1000));
    transport.write(&sent[..150_000]);
    transport.write_shared(Bytes::from(sent[150_000..].to_vec()));
    let mut received = Vec::new();
    for step in 0.. {
        world.settle();
        let piece = peer.received();
        if piece.is_empty() {
            break;
        }
        received.extend(piece);
        peer.open_window(step * 13);
    }
    assert!(received == sent);
    assert_eq!(transport.buffered(), 0);
}

/// S67: other send errors end the connection, at once.
#[test]
fn s67_a_failed_write_is_a_loss() {
    let log = Log::default();
    let (mut world, peer, transport) = World::with(Script::new(&log));
    peer.fail_next(Operation::Write, 1, ErrorKind::TimedOut);
    transport.write("hello");
    world.settle();
    assert_eq!(log.take(), ["made", "lost broken TimedOut"]);
    assert_eq!(transport.buffered(), 5, "unsent bytes are reported");
    assert_eq!(world.now().as_nanos(), 0);
}

/// What failed without the connection being broken must not look like an orderly end to the peer.
#[test]
fn g3_a_failure_is_no_orderly_end_for_the_peer() {
    for operation in [Operation::Read, Operation::Write] {
        let log = Log::default();
        let (mut world, peer, transport) = World::with(Script::new(&log));
        peer.fail_next(operation, 1, ErrorKind::Other);
        transport.write("hello");
        peer.send("hello");
        world.settle();
        assert!(log.last().starts_with("lost broken Other"), "{}", log.last());
        assert!(peer.was_reset(), "{operation:?}");
    }
}

/// Input that arrived before the write failed is still delivered.
#[test]
fn g3_input_before_a_failed_write_is_delivered() {
    let log = Log::default();
    let (mut world, peer, transport) = World::with(Script::new(&log));
    transport.write("hello");
    peer.send("farewell");
    peer.reset();
    world.settle();
    assert_eq!(log.take(), ["made", "data farewell", "lost broken ConnectionReset"]);
}

/// Answers the first read with that many bytes.
fn answering(log: &Log, length: usize) -> Script {
    let mut answer = Some(vec![0; length]);
    Script::new(log).on_data(move |transport, _| {
        transport.write(answer.take().unwrap_or_default());
        Ok(())
    })
}

/// The mark is passed by more than 131072 bytes that wait, not by 131072 (S68).
#[test]
fn g4_the_high_water_mark_is_exact() {
    for (length, passed) in [(131_072, false), (131_073, true)] {
        let log = Log::default();
        let (mut world, peer, transport) = World::with(answering(&log, length));
        peer.set_window(Some(0));
        peer.send("x");
        world.settle();
        assert_eq!(log.count("writing paused") == 1, passed, "{length}");
        assert_eq!(transport.is_reading_paused(), passed, "{length}");
    }
}

/// What the socket takes in the same turn never waited for the peer.
#[test]
fn a_large_write_that_is_sent_at_once_pauses_nobody() {
    let log = Log::default();
    let (mut world, peer, transport) = World::with(Script::new(&log));
    peer.set_window(Some(1_000_000));
    transport.write(vec![0; 1_020_000]);
    world.settle();
    assert_eq!(transport.buffered(), 20_000);
    assert_eq!(log.take(), ["made"]);
    peer.set_window(Some(0));
    peer.send("x");
    world.settle();
    assert_eq!(log.take(), ["data x"]);
}

/// Resuming comes at 32768 bytes, not at 32769.
#[test]
fn g4_the_low_water_mark_is_exact() {
    let log = Log::default();
    let (mut world, peer, transport) = World::with(answering(&log, 200_000));
    peer.set_window(Some(0));
    peer.send("x");
    world.settle();
    peer.set_window(Some(200_000 - 32_769));
    world.settle();
    assert_eq!(log.take(), ["made", "data x", "writing paused"]);
    peer.set_window(Some(1));
    world.settle();
    assert_eq!(log.take(), ["writing resumed", "reading resumed"]);
    assert_eq!(transport.buffered(), 32_768);
}

/// The two notifications alternate, whatever the windows do.
#[test]
fn g4_paused_and_resumed_alternate_strictly() {
    let log = Log::default();
    let (mut world, peer, transport) = World::with(Script::new(&log));
    for round in 0..50_usize {
        peer.set_window((round % 5 != 0).then_some(round * 1_717 % 40_000));
        transport.write(vec![0; round * 7_919 % 90_000]);
        world.settle();
    }
    peer.set_window(None);
    world.settle();
    let notices = log.take().into_iter().filter(|entry| entry.starts_with("writing"));
    let notices: Vec<String> = notices.collect();
    assert!(notices.len() > 4, "{notices:?}");
    for (place, notice) in notices.iter().enumerate() {
        let expected = ["writing paused", "writing resumed"][place % 2];
        assert_eq!(notice, expected);
    }
    assert_eq!(notices.len() % 2, 0);
}

/// An echo whose peer reads nothing holds constant memory: it stops reading by itself.
#[test]
fn g4_an_echo_with_a_slow_reader_is_bounded() {
    let (mut world, peer, transport) = World::with(Echo);
    peer.set_window(Some(0));
    for _ in 0..200 {
        peer.send(vec![b'x'; 10_000]);
        world.settle();
        assert!(transport.buffered() <= 131_072 + 66_560, "{}", transport.buffered());
    }
    let mut received = 0;
    while received < 2_000_000 {
        peer.open_window(50_000);
        world.settle();
        let count = peer.received().len();
        assert!(count > 0, "stuck at {received}");
        received += count;
    }
    assert_eq!(received, 2_000_000);
    assert!(world.reactor.stats().output_buffered_peak <= 131_072 + 66_560);
}

/// Above the hard limit the connection is aborted; the limit itself is allowed.
#[test]
fn g4_the_output_limit_aborts() {
    let log = Log::default();
    let (mut world, peer, transport) = World::with(Script::new(&log));
    transport.set_limits(limits(|limits| limits.output = 200_000));
    peer.set_window(Some(0));
    transport.write(vec![0; 200_000]);
    world.settle();
    assert!(transport.is_open());
    transport.write("x");
    transport.write("and more");
    world.settle();
    assert_eq!(log.take(), ["made", "writing paused", "lost output limit 200000"]);
    assert!(peer.was_reset());
    assert_eq!(world.reactor.stats().output_buffered, 0);
}

/// Auto-paused reading and the user's own pause do not undo each other.
#[test]
fn a_users_pause_outlasts_the_automatic_one() {
    let log = Log::default();
    let (mut world, peer, transport) = World::with(Script::new(&log));
    peer.set_window(Some(0));
    transport.write(vec![0; 140_000]);
    transport.pause_reading();
    peer.send("held");
    world.settle();
    peer.set_window(None);
    world.settle();
    assert_eq!(log.take(), ["made", "writing paused", "writing resumed"]);
    assert!(transport.is_reading_paused());
    transport.resume_reading();
    world.settle();
    assert_eq!(log.take(), ["reading resumed", "data held"]);
}

/// G5: what others write to a connection, however much in each turn, does not delay its input.
#[test]
fn g5_output_of_others_does_not_delay_input() {
    let log = Log::default();
    let (mut world, peer, transport) = World::with(Script::new(&log));
    log.take();
    peer.send("hello");
    transport.write([0; 140_000]);
    world.turn();
    assert_eq!(log.take(), ["data hello"]);
    assert_eq!(peer.received().len(), 140_000);
}

/// What is written of one's own accord is no answer, and a few answers among it are not many: reading goes on, so that two ends
/// that both write cannot wait for each other. Answers above the mark pause reading, and draining them resumes it, whatever
/// else waits.
#[test]
fn only_answers_above_the_mark_pause_reading() {
    let log = Log::default();
    let (mut world, peer, transport) = World::with(Script::new(&log).on_data(|transport, data| {
        transport.write(vec![0; 20_000 * data.len()]);
        Ok(())
    }));
    peer.set_window(Some(0));
    transport.write(vec![0; 140_000]);
    peer.send("six");
    world.settle();
    assert_eq!(log.take(), ["made", "data six", "writing paused"]);
    assert!(!transport.is_reading_paused(), "60,000 bytes of answers are below the mark");
    peer.send("four");
    world.settle();
    assert_eq!(log.take(), ["data four"]);
    assert!(transport.is_reading_paused(), "140,000 are above");
    transport.write(vec![0; 1_000_000]);
    peer.send("held");
    peer.set_window(Some(140_000 + 140_000 - 32_769));
    world.settle();
    assert!(log.take().is_empty(), "32,769 bytes of answers are still waiting");
    peer.set_window(Some(1));
    world.settle();
    assert_eq!(log.take(), ["reading resumed", "data held"], "although a megabyte of other output waits");
    assert!(transport.buffered() > 1_000_000);
}

/// The user's resuming does not undo the automatic pause.
#[test]
fn the_automatic_pause_outlasts_a_users_resuming() {
    let log = Log::default();
    let (mut world, peer, transport) = World::with(answering(&log, 140_000));
    peer.set_window(Some(0));
    peer.send("x");
    world.settle();
    transport.pause_reading();
    transport.resume_reading();
    peer.send("held");
    world.settle();
    assert_eq!(log.take(), ["made", "data x", "writing paused"]);
    peer.set_window(None);
    world.settle();
    assert_eq!(log.take(), ["writing resumed", "reading resumed", "data held"]);
}

/// A protocol that pauses and resumes whenever reading goes on is not called for ever, and reads on.
#[test]
fn pausing_and_resuming_in_reading_resumed_comes_to_rest() {
    let log = Log::default();
    let (mut world, peer, transport) = World::with(Script::new(&log).on_reading_resumed(|transport| {
        transport.pause_reading();
        transport.resume_reading();
        Ok(())
    }));
    transport.pause_reading();
    world.settle();
    transport.resume_reading();
    peer.send("x");
    world.settle();
    assert_eq!(log.take(), ["made", "reading resumed", "data x"]);
}

/// Absurd limits do what they say and no worse.
#[test]
fn absurd_limits_do_no_harm() {
    let cases: [fn(&mut Limits); 5] = [
        |limits| (limits.high_water, limits.low_water) = (0, 0),
        |limits| (limits.high_water, limits.low_water) = (10, 1_000_000),
        |limits| (limits.high_water, limits.low_water, limits.output) = (usize::MAX, usize::MAX, usize::MAX),
        |limits| limits.write_timeout = Duration::MAX,
        |limits| (limits.close_timeout, limits.linger_timeout) = (Duration::MAX, Duration::MAX),
    ];
    for (number, case) in cases.into_iter().enumerate() {
        let log = Log::default();
        let (mut world, peer, transport) = World::with(Script::new(&log));
        transport.set_limits(limits(case));
        peer.set_window(Some(100));
        transport.write(vec![0; 1000]);
        world.run_for(SECOND);
        peer.set_window(None);
        world.settle();
        assert_eq!(peer.received().len(), 1000, "case {number}");
        transport.lose_connection();
        peer.finish();
        world.settle();
        assert_eq!(log.last(), "lost closed", "case {number}");
        let (paused, resumed) = (log.count("writing paused"), log.count("writing resumed"));
        assert_eq!(paused, resumed, "case {number}");
    }
}

/// A limit of zero refuses the first byte; closing timeouts of zero come in the next turn.
#[test]
fn limits_of_zero() {
    let log = Log::default();
    let (mut world, _, transport) = World::with(Script::new(&log));
    transport.set_limits(limits(|limits| limits.output = 0));
    transport.write("x");
    world.settle();
    assert_eq!(log.take(), ["made", "lost output limit 0"]);

    let (peer, transport) = world.open(Script::new(&log));
    transport.set_limits(limits(|limits| limits.close_timeout = Duration::ZERO));
    peer.set_window(Some(0));
    transport.write("x");
    transport.lose_connection();
    world.settle();
    assert_eq!(log.take(), ["made", "lost Close(0ns)"]);
}

/// Shared bytes go to many peers without being copied for each.
#[test]
fn shared_bytes_reach_everybody() {
    let mut world = World::new();
    let peers: Vec<_> = (0..20).map(|_| world.open(Echo)).collect();
    let text = Bytes::from(vec![b'x'; 100_000]);
    for (_, transport) in &peers {
        transport.write_shared(text.clone());
    }
    world.settle();
    for (peer, _) in &peers {
        assert_eq!(Rc::new(peer.received()).len(), 100_000);
        assert_eq!(peer.writes(), 1);
    }
}

/// G5: a peer that takes everything at once gets a mebibyte a turn, so that the others have theirs.
#[test]
fn g5_one_write_is_sent_in_pieces_that_leave_the_others_their_turn() {
    let (mut world, peer, transport) = World::with(Echo);
    transport.write(vec![0; 3 * MEBIBYTE + 1]);
    for turn in 1..=3 {
        world.turn();
        assert_eq!(peer.received().len(), MEBIBYTE, "turn {turn}");
    }
    world.turn();
    assert_eq!(peer.received().len(), 1);
}

/// A stop sends all that the sockets take, however many pieces it is.
#[test]
fn a_stop_sends_what_the_socket_takes() {
    let log = Log::default();
    let (mut world, peer, transport) = World::with(Script::new(&log));
    for _ in 0..5 {
        transport.write(vec![0; MEBIBYTE]);
    }
    world.reactor.stop();
    world.settle();
    assert_eq!(peer.received().len(), 5 * MEBIBYTE);
    assert_eq!(log.last(), "lost shutdown");
}

/// A stop during closing sends all that is left, and the peer sees an orderly end.
#[test]
fn a_stop_while_closing_ends_in_an_orderly_way() {
    let log = Log::default();
    let (mut world, peer, transport) = World::with(Script::new(&log));
    for _ in 0..5 {
        transport.write(vec![0; MEBIBYTE]);
    }
    transport.lose_connection();
    world.reactor.stop();
    world.settle();
    assert_eq!(peer.received().len(), 5 * MEBIBYTE);
    assert!(peer.has_finished() && !peer.was_reset());
    assert_eq!(log.last(), "lost closed");
}

/// A peer that stops reading where a turn's budget ends is as slow as any other, and can go on.
#[test]
fn a_window_that_ends_with_the_budget_is_a_full_socket() {
    for window in [MEBIBYTE - 1, MEBIBYTE, MEBIBYTE + 1, 2 * MEBIBYTE] {
        for reads_on in [false, true] {
            let log = Log::default();
            let (mut world, peer, transport) = World::with(Script::new(&log));
            transport.set_limits(limits(|limits| limits.write_timeout = SECOND));
            peer.set_window(Some(window));
            transport.write(vec![0; 3 * MEBIBYTE]);
            world.settle();
            if reads_on {
                peer.set_window(None);
            }
            world.run_for(SECOND);
            let last = if reads_on { "writing resumed" } else { "lost Write(1s)" };
            assert_eq!(log.last(), last, "window {window}");
            assert_eq!(transport.buffered() == 0, reads_on);
        }
    }
}

/// A full socket says when it takes more. Until then nothing that happens has it tried again.
#[test]
fn a_full_socket_is_not_tried_before_it_takes_more() {
    let (mut world, peer, transport) = World::with(Script::new(&Log::default()));
    peer.set_window(Some(1));
    transport.write("two");
    world.settle();
    peer.fail_next(Operation::Write, 1, ErrorKind::ConnectionReset);
    peer.send("x");
    world.settle();
    assert!(transport.is_open(), "a call would have failed");
    peer.set_window(None);
    world.settle();
    assert!(!transport.is_open(), "now there was one");
}
