//! Layers that ask silent peers whether they are still there, to the nanosecond of virtual time.
#![allow(clippy::unwrap_used, reason = "in a test a panic is the report")]

mod layering;
mod world;

use std::cell::RefCell;
use std::rc::Rc;
use std::time::Duration;

use layering::{GREETING, Layered, Masked, masked};
use ropewalk::testing::Peer;
use ropewalk::{Layer, LayerState, LayerStop, Result, Transport, factory_fn};
use world::{Log, MILLISECOND, SECOND, Script, World};

/// Asks by `?` and the number of questions that nobody has answered; gives up instead of asking a third time. What comes goes up as
/// it is, but for `.`, which is nothing, and `|`, behind which it stops.
struct Beating {
    period: Duration,
    stop: Option<LayerStop>,
}

impl Beating {
    fn every(period: Duration) -> Box<dyn Layer> {
        Box::new(Self { period, stop: None })
    }
}

impl Layer for Beating {
    fn name(&self) -> &'static str {
        "beating"
    }

    fn received(&mut self, input: &mut [u8], up: &mut Vec<u8>, _: &mut Vec<u8>) -> Result<usize> {
        for (used, byte) in input.iter().enumerate() {
            match byte {
                b'.' => {}
                b'|' => {
                    self.stop = Some(LayerStop::Deliver);
                    return Ok(used + 1);
                }
                byte => up.push(*byte),
            }
        }
        Ok(input.len())
    }

    fn converses(&self) -> bool {
        true
    }

    fn take_stop(&mut self) -> Option<LayerStop> {
        self.stop.take()
    }

    fn heartbeat(&self) -> Option<Duration> {
        Some(self.period)
    }

    fn beat(&mut self, unanswered: u32, down: &mut Vec<u8>) -> Result {
        if unanswered == 2 {
            down.extend_from_slice(b"bye");
            return Err("nobody is there".into());
        }
        down.extend(format!("?{unanswered}").bytes());
        Ok(())
    }

    fn state(&self) -> LayerState {
        LayerState::Open
    }
}

/// A connection with these layers, and what its protocol hears.
struct Scene {
    world: World,
    peer: Peer,
    transport: Transport,
    log: Log,
}

impl Scene {
    fn new(layers: impl Fn() -> Vec<Box<dyn Layer>> + 'static, greeting: &[u8]) -> Self {
        let (mut world, log) = (World::new(), Log::default());
        let made = Rc::new(RefCell::new(None));
        let (given, heard) = (Rc::clone(&made), log.clone());
        let script = factory_fn(move |_| {
            let given = Rc::clone(&given);
            let note = move |transport: &Transport| *given.borrow_mut() = Some(transport.clone());
            let script = Script::new(&heard).on_made(note).on_eof(|_| Ok(()));
            Some(Box::new(script.on_data(|transport, data| {
                if data == b"pause" {
                    transport.pause_reading();
                }
                Ok(())
            })))
        });
        let (_, address) = world.listen(Layered::new(script, layers));
        let peer = world.memory.connect(address).unwrap();
        peer.send(greeting);
        world.settle();
        let transport = made.take().unwrap();
        let _ = peer.received();
        log.take();
        Self { world, peer, transport, log }
    }

    /// With a layer that asks every ten seconds.
    fn beating() -> Self {
        Self::new(|| vec![Beating::every(10 * SECOND)], b"")
    }

    /// What the peer gets within this time and not before its last nanosecond.
    #[track_caller]
    fn hears_after(&mut self, time: Duration) -> String {
        self.world.run_for(time - Duration::from_nanos(1));
        assert_eq!(self.peer.received().escape_ascii().to_string(), "", "too early");
        self.world.run_for(Duration::from_nanos(1));
        self.peer.received().escape_ascii().to_string()
    }

    fn say(&mut self, words: &str) {
        self.peer.send(words);
        self.world.settle();
    }
}

#[test]
fn a_silent_peer_is_asked_and_then_given_up_on_time() {
    let mut scene = Scene::beating();
    assert_eq!(scene.hears_after(10 * SECOND), "?0");
    assert_eq!(scene.hears_after(10 * SECOND), "?1");
    assert!(scene.transport.is_open());
    assert_eq!(scene.hears_after(10 * SECOND), "bye");
    assert!(!scene.transport.is_open() && scene.peer.has_finished());
    scene.peer.finish();
    scene.world.settle();
    assert_eq!(scene.log.take(), ["lost nobody is there"]);
    assert_eq!((scene.world.connections(), scene.world.reactor.stats().timers), (0, 0));
}

#[test]
fn who_speaks_is_not_asked() {
    let mut scene = Scene::beating();
    for _ in 0..20 {
        scene.world.run_for(10 * SECOND - Duration::from_nanos(1));
        scene.say("x");
    }
    assert_eq!(scene.peer.received(), b"");
    assert_eq!(scene.hears_after(10 * SECOND), "?0");
}

#[test]
fn who_only_answers_stays() {
    let mut scene = Scene::beating();
    for _ in 0..20 {
        assert_eq!(scene.hears_after(10 * SECOND), "?0");
        scene.world.run_for(SECOND);
        scene.say(".");
    }
    assert_eq!(scene.log.take(), [""; 0]);
}

#[test]
fn writing_does_not_pass_for_hearing() {
    let mut scene = Scene::beating();
    for _ in 0..2 {
        scene.world.run_for(9 * SECOND);
        scene.transport.write("x");
        scene.world.run_for(SECOND);
    }
    assert_eq!(scene.peer.received(), b"x?0x?1");
}

#[test]
fn nobody_is_blamed_for_what_is_not_read() {
    let mut scene = Scene::beating();
    scene.transport.pause_reading();
    scene.say("here");
    scene.world.run_for(1000 * SECOND);
    assert_eq!((scene.peer.received(), scene.transport.is_open()), (vec![], true));
    scene.transport.resume_reading();
    scene.world.settle();
    assert_eq!(scene.log.take(), ["reading resumed", "data here"]);
    assert_eq!(scene.hears_after(10 * SECOND), "?0");
}

#[test]
fn an_answer_that_is_read_late_counts() {
    let mut scene = Scene::beating();
    assert_eq!(scene.hears_after(10 * SECOND), "?0");
    scene.transport.pause_reading();
    scene.say(".");
    scene.world.run_for(100 * SECOND);
    scene.transport.resume_reading();
    scene.world.settle();
    assert_eq!(scene.hears_after(10 * SECOND), "?0");
}

#[test]
fn who_says_nothing_during_a_pause_is_asked() {
    let mut scene = Scene::beating();
    scene.transport.pause_reading();
    assert_eq!(scene.hears_after(10 * SECOND), "?0");
    scene.world.run_for(20 * SECOND);
    assert!(!scene.transport.is_open());
}

#[test]
fn nobody_is_blamed_for_what_waits_in_a_layer() {
    let mut scene = Scene::beating();
    // All is read at once, and the layer has not heard the rest.
    scene.say("pause|here");
    scene.world.run_for(1000 * SECOND);
    assert_eq!((scene.peer.received(), scene.transport.is_open()), (vec![], true));
    scene.transport.resume_reading();
    scene.world.settle();
    assert_eq!(scene.log.take(), ["data pause", "reading resumed", "data here"]);
    assert_eq!(scene.hears_after(10 * SECOND), "?0");
}

#[test]
fn nobody_is_asked_while_output_waits() {
    let mut scene = Scene::beating();
    scene.peer.set_window(Some(0));
    scene.transport.write("much");
    scene.world.run_for(100 * SECOND);
    assert!(scene.transport.is_open());
    scene.peer.set_window(None);
    scene.world.settle();
    assert_eq!(scene.peer.received(), b"much");
    scene.world.run_for(10 * SECOND);
    assert_eq!(scene.peer.received(), b"?0");
}

#[test]
fn nobody_is_asked_before_the_layers_are_open() {
    let layers = || vec![Box::new(Masked::server()) as Box<dyn Layer>, Beating::every(SECOND)];
    let mut world = World::new();
    let script = factory_fn(|_| Some(Box::new(Script::new(&Log::default()))));
    let (_, address) = world.listen(Layered::new(script, layers));
    let peer = world.memory.connect(address).unwrap();
    world.run_for(5 * SECOND);
    assert_eq!(peer.received(), b"");
    peer.send(GREETING);
    world.run_for(SECOND);
    // Through the layer below.
    assert_eq!(peer.received(), [GREETING, &masked("?0")].concat());
}

#[test]
fn each_layer_has_its_own_time() {
    let layers = || vec![Beating::every(4 * SECOND), Beating::every(6 * SECOND + MILLISECOND)];
    let mut scene = Scene::new(layers, b"");
    assert_eq!(scene.hears_after(4 * SECOND), "?0");
    assert_eq!(scene.hears_after(2 * SECOND + MILLISECOND), "?0");
    assert_eq!(scene.hears_after(2 * SECOND - MILLISECOND), "?1");
    scene.say(".");
    assert_eq!(scene.hears_after(4 * SECOND), "?0");
}

#[test]
fn who_has_finished_may_be_silent() {
    let mut scene = Scene::beating();
    scene.peer.finish();
    scene.world.run_for(1000 * SECOND);
    assert_eq!((scene.peer.received(), scene.transport.is_open()), (vec![], true));
    let mut scene = Scene::beating();
    scene.transport.lose_write_connection();
    scene.world.run_for(1000 * SECOND);
    assert_eq!((scene.peer.received(), scene.transport.is_open()), (vec![], true));
}

#[test]
fn closing_is_not_disturbed() {
    let mut scene = Scene::beating();
    scene.world.run_for(9 * SECOND);
    scene.peer.set_window(Some(0));
    scene.transport.write("last");
    scene.transport.lose_connection();
    scene.world.run_for(50 * SECOND);
    scene.peer.set_window(None);
    scene.world.settle();
    assert_eq!(scene.peer.received(), b"last");
    scene.peer.finish();
    scene.world.settle();
    assert_eq!(scene.log.take(), ["lost closed"]);
}

#[test]
fn idleness_is_not_ended_by_questions_and_answers() {
    let mut scene = Scene::beating();
    scene.transport.set_idle_timeout(Some(25 * SECOND));
    scene.world.settle();
    assert_eq!(scene.world.reactor.stats().timers, 1, "one timer serves both");
    for _ in 0..2 {
        assert_eq!(scene.hears_after(10 * SECOND), "?0");
        scene.say(".");
    }
    scene.world.run_for(5 * SECOND - Duration::from_nanos(1));
    assert!(scene.transport.is_open());
    scene.world.run_for(Duration::from_nanos(1));
    assert!(!scene.transport.is_open());
}

#[test]
fn a_layer_that_is_inserted_has_its_time_from_then_on() {
    let (mut world, peer, transport) = World::with(Script::new(&Log::default()));
    world.run_for(100 * SECOND);
    transport.insert_layer(Beating { period: 10 * SECOND, stop: None });
    world.run_for(10 * SECOND - Duration::from_nanos(1));
    assert_eq!(peer.received(), b"");
    world.run_for(Duration::from_nanos(1));
    assert_eq!(peer.received(), b"?0");
}

#[test]
fn traffic_does_no_work_on_timers() {
    let mut scene = Scene::beating();
    let turns = |world: &World| world.reactor.stats().turns;
    for _ in 0..1000 {
        scene.world.run_for(5 * MILLISECOND);
        scene.transport.write("y");
        scene.say("x");
    }
    scene.peer.received();
    let before = turns(&scene.world);
    assert_eq!(scene.world.reactor.stats().timers, 1);
    // It expires once too early, not for each byte, and then on time.
    assert_eq!(scene.hears_after(10 * SECOND), "?0");
    let turns = turns(&scene.world) - before;
    assert!(turns < 10, "{turns} turns");
}
