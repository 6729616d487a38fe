//! Switching protocols: who hears what, and what becomes of the bytes left over, on virtual time.

mod world;

use ropewalk::{Protocol, Result, Transport};
use world::{Log, SECOND, Script, World};

/// Named entries in one log.
fn named(log: &Log, name: &'static str) -> Script {
    let log = log.clone();
    Script::new(&Log::default()).on_made(move |_| log.add(format!("{name} made")))
}

/// The next protocol hears of the connection, then the leftover, then new input; the first hears no loss.
#[test]
fn the_next_protocol_begins_with_the_leftover() {
    let (first, second) = (Log::default(), Log::default());
    let next = second.clone();
    let (mut world, peer, _) = World::with(Script::new(&first).on_data(move |transport, data| {
        transport.switch_protocol(Script::new(&next), &data[6..]);
        assert!(!transport.delivers_input());
        Ok(())
    }));
    peer.send("login left");
    world.settle();
    peer.send("new");
    world.settle();
    peer.finish();
    world.settle();
    assert_eq!(first.take(), ["made", "data login left"]);
    assert_eq!(second.take(), ["made", "data left", "data new", "eof", "lost closed"]);
}

/// Without a leftover there is no call for it.
#[test]
fn an_empty_leftover_is_not_delivered() {
    let log = Log::default();
    let (mut world, _, transport) = World::with(Script::new(&Log::default()));
    transport.switch_protocol(Script::new(&log), "");
    world.settle();
    assert_eq!(log.take(), ["made"]);
}

/// Switching from outside happens in the next turn; the last wish of a callback counts.
#[test]
fn the_last_switch_counts() {
    let log = Log::default();
    let (mut world, peer, transport) = World::with(Script::new(&Log::default()));
    transport.switch_protocol(named(&log, "dropped"), "");
    transport.switch_protocol(named(&log, "kept"), "");
    assert!(log.take().is_empty());
    world.settle();
    peer.send("x");
    world.settle();
    assert_eq!(log.take(), ["kept made"]);
}

/// A pause in `connection_made` of the next protocol holds the leftover back, before anything newer.
#[test]
fn a_pause_in_between_holds_the_leftover_back() {
    let log = Log::default();
    let next = log.clone();
    let (mut world, peer, transport) =
        World::with(Script::new(&Log::default()).on_data(move |transport, data| {
            let next = Script::new(&next).on_made(|transport| transport.pause_reading());
            transport.switch_protocol(next, data);
            Ok(())
        }));
    peer.send("old");
    world.settle();
    peer.send("new");
    peer.finish();
    world.run_for(SECOND);
    assert_eq!(log.take(), ["made"]);
    transport.resume_reading();
    world.settle();
    assert_eq!(log.take(), ["made", "data old", "reading resumed", "data new", "eof", "lost closed"][1..]);
}

/// The same if it is the old protocol that has paused.
#[test]
fn a_pause_before_the_switch_holds_the_leftover_back() {
    let log = Log::default();
    let next = log.clone();
    let (mut world, peer, transport) =
        World::with(Script::new(&Log::default()).on_data(move |transport, data| {
            transport.pause_reading();
            transport.switch_protocol(Script::new(&next), data);
            Ok(())
        }));
    peer.send("old");
    world.settle();
    assert_eq!(log.take(), ["made"]);
    transport.resume_reading();
    world.settle();
    assert_eq!(log.take(), ["data old", "reading resumed"]);
}

/// A pause while the leftover is delivered is a pause: the rest comes with resuming.
#[test]
fn a_pause_in_the_leftover() {
    let log = Log::default();
    let next = log.clone();
    let (mut world, peer, transport) =
        World::with(Script::new(&Log::default()).on_data(move |transport, data| {
            let next = Script::new(&next).on_data(|transport, _| {
                transport.pause_reading();
                Ok(())
            });
            transport.switch_protocol(next, data);
            Ok(())
        }));
    peer.send("old");
    world.settle();
    peer.send("new");
    world.settle();
    assert_eq!(log.take(), ["made", "data old"]);
    transport.resume_reading();
    world.settle();
    assert_eq!(log.take(), ["reading resumed", "data new"]);
}

/// A connection that closes in the same callback: the next protocol hears of it and of its end, no input.
#[test]
fn g1_switching_and_closing() {
    let log = Log::default();
    let next = log.clone();
    let (mut world, peer, _) = World::with(Script::new(&Log::default()).on_data(move |transport, data| {
        transport.switch_protocol(Script::new(&next), data);
        transport.lose_connection();
        Ok(())
    }));
    peer.send("x");
    peer.finish();
    world.settle();
    assert_eq!(log.take(), ["made", "lost closed"]);
}

/// One that is aborted in the same callback, or panics: the protocol that heard of it hears of its end.
#[test]
fn g1_switching_and_aborting() {
    for panics in [false, true] {
        let (first, second) = (Log::default(), Log::default());
        let next = second.clone();
        let (mut world, peer, _) = World::with(
            Script::new(&first)
                .on_data(move |transport, data| {
                    transport.switch_protocol(Script::new(&next), data);
                    assert!(!panics, "on purpose");
                    transport.abort_connection();
                    Ok(())
                })
                .on_lost(|_, _| {}),
        );
        peer.send("x");
        world.settle();
        assert_eq!(first.count("made"), 1);
        if !panics {
            assert_eq!(first.last(), "lost aborted");
        }
        assert!(second.take().is_empty(), "what never began does not end");
    }
}

/// Hands each byte to a successor.
struct Relay(Log);

impl Protocol for Relay {
    fn data_received(&mut self, transport: &Transport, data: &[u8]) -> Result {
        self.0.add(char::from(data[0]));
        transport.switch_protocol(Self(self.0.clone()), &data[1..]);
        Ok(())
    }
}

/// As many switches as the peer has bytes in one read need no stack.
#[test]
fn a_chain_of_switches_does_not_recurse() {
    let log = Log::default();
    let (mut world, peer, _) = World::with(Relay(log.clone()));
    peer.send(vec![b'x'; 40_000]);
    world.settle();
    assert_eq!(log.take().len(), 40_000);
}

/// A switch in `connection_made`, again and again, is carried out in order. What a protocol leaves comes before what was
/// left to it and not yet delivered: it can only be older.
#[test]
fn switching_in_connection_made() {
    let log = Log::default();
    let next = log.clone();
    let (mut world, peer, _) = World::with(Script::new(&Log::default()).on_made(move |transport| {
        let after_next = next.clone();
        let next = Script::new(&next)
            .on_made(move |transport| transport.switch_protocol(Script::new(&after_next), "hi "));
        transport.switch_protocol(next, "bye");
    }));
    world.settle();
    peer.send("new");
    world.settle();
    assert_eq!(log.take(), ["made", "made", "data hi bye", "data new"]);
}

/// Timers of the connection outlive the switch; the successor hears of them.
#[test]
fn timers_go_over_to_the_next_protocol() {
    let log = Log::default();
    let (mut world, _, transport) = World::with(Script::new(&Log::default()));
    transport.set_timer(SECOND);
    transport.switch_protocol(Script::new(&log), "");
    world.run_for(SECOND);
    assert_eq!(log.take(), ["made", "timer"]);
}

/// G4: the successor hears of the high-water mark by itself, and never of the low one alone.
#[test]
fn g4_the_marks_are_told_to_each_protocol_anew() {
    for still_above in [true, false] {
        let (first, second) = (Log::default(), Log::default());
        let (mut world, peer, transport) = World::with(Script::new(&first));
        peer.set_window(Some(0));
        transport.write(vec![0; 140_000]);
        world.settle();
        assert_eq!(first.take(), ["made", "writing paused"]);
        if !still_above {
            peer.set_window(Some(20_000));
            world.settle();
        }
        transport.switch_protocol(Script::new(&second), "");
        world.settle();
        let told: &[&str] = if still_above { &["made", "writing paused"] } else { &["made"] };
        assert_eq!(second.take(), told);
        peer.set_window(None);
        world.settle();
        let told: &[&str] = if still_above { &["writing resumed"] } else { &[] };
        assert_eq!(second.take(), told);
    }
}
