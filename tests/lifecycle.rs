//! Starting, running, stopping and running again (S80–S84), on virtual time.

mod world;

use std::cell::RefCell;
use std::rc::Rc;
use std::time::Duration;

use ropewalk::driver::Signal;
use ropewalk::{ConnectOptions, Deferred, ReactorHandle, Resolver, When, for_protocol};
use world::{Echo, Log, SECOND, Script, World};

const ALL: [When; 6] = [
    When::BeforeStartup,
    When::DuringStartup,
    When::AfterStartup,
    When::BeforeShutdown,
    When::DuringShutdown,
    When::AfterShutdown,
];

/// S80, S81, S84: every trigger once, in its phase, in order, with the right idea of whether the reactor runs.
#[test]
fn s80_s81_triggers_fire_in_their_phases() {
    let log = Log::default();
    let mut world = World::new();
    for when in ALL.into_iter().rev() {
        for name in ["first", "second"] {
            let log = log.clone();
            world.reactor.add_trigger(when, move |reactor| {
                log.add(format!("{when:?} {name} {}", reactor.is_running()));
            });
        }
    }
    let running = log.clone();
    world.reactor.call_when_running(move |reactor| {
        running.add("call");
        reactor.stop();
        running.add("stop has returned");
        assert!(reactor.is_running());
    });
    world.reactor.run().unwrap();
    let expected = [
        "BeforeStartup first false",
        "BeforeStartup second false",
        "DuringStartup first true",
        "DuringStartup second true",
        "AfterStartup first true",
        "AfterStartup second true",
        "call",
        "stop has returned",
        "BeforeShutdown first true",
        "BeforeShutdown second true",
        "DuringShutdown first false",
        "DuringShutdown second false",
        "AfterShutdown first false",
        "AfterShutdown second false",
    ];
    assert_eq!(log.take(), expected);
    world.reactor.call_when_running(ReactorHandle::stop);
    world.reactor.run().unwrap();
    assert!(log.take().is_empty(), "triggers fire once");
}

/// S80: the shutdown waits for the deferreds of its first phase, while timers and connections go on.
#[test]
fn s80_the_shutdown_waits_for_deferreds() {
    let log = Log::default();
    let (mut world, peer, _) = World::with(Script::new(&log));
    let resolvers: Rc<RefCell<Vec<Resolver<()>>>> = Rc::default();
    for _ in 0..2 {
        let resolvers = Rc::clone(&resolvers);
        world.reactor.add_trigger(When::BeforeShutdown, move |reactor| {
            let (deferred, resolver) = Deferred::<()>::new(reactor);
            resolvers.borrow_mut().push(resolver);
            deferred
        });
    }
    let during = log.clone();
    world.reactor.add_trigger(When::DuringShutdown, move |_| during.add("during"));
    world.reactor.stop();
    let timer = log.clone();
    world.reactor.call_later(SECOND, move |_| timer.add("timer"));
    world.run_for(SECOND * 5);
    peer.send("x");
    world.settle();
    assert_eq!(log.take(), ["made", "timer", "data x"]);
    resolvers.borrow_mut().pop().unwrap().resolve(());
    world.settle();
    assert!(world.reactor.is_running());
    resolvers.borrow_mut().pop().unwrap().resolve(());
    world.settle();
    assert!(!world.reactor.is_running());
    assert_eq!(log.take(), ["lost shutdown", "during"]);
}

/// A deferred that can never have its value does not hold a shutdown up.
#[test]
fn an_abandoned_deferred_does_not_hold_a_shutdown_up() {
    let mut world = World::new();
    world.reactor.add_trigger(When::BeforeShutdown, |reactor| Deferred::<()>::new(reactor).0);
    world.reactor.call_when_running(ReactorHandle::stop);
    world.reactor.run().unwrap();
}

/// S80: panicking triggers are counted and keep nothing else from happening.
#[test]
fn s80_g7_a_panicking_trigger_stops_nothing_else() {
    let log = Log::default();
    let mut world = World::new();
    for when in ALL {
        world.reactor.add_trigger(when, |_| -> () { panic!("on purpose") });
        let log = log.clone();
        world.reactor.add_trigger(when, move |_| log.add(format!("{when:?}")));
    }
    world.reactor.call_when_running(ReactorHandle::stop);
    world.reactor.run().unwrap();
    assert_eq!(log.take(), ALL.map(|when| format!("{when:?}")));
    assert_eq!(world.reactor.stats().panics, 6);
}

/// S82: stopping before a run, and twice, does nothing; stopping while it waits ends the waiting.
#[test]
fn s82_stopping_at_any_time() {
    let log = Log::default();
    let mut world = World::new();
    world.reactor.stop();
    world.settle();
    assert!(world.reactor.is_running(), "a stop before the run is forgotten");
    let ended = log.clone();
    world.reactor.add_trigger(When::BeforeShutdown, |reactor| {
        let (deferred, resolver) = Deferred::<()>::new(reactor);
        reactor.call_later(Duration::MAX, move |_| resolver.resolve(()));
        deferred
    });
    world.reactor.add_trigger(When::AfterShutdown, move |_| ended.add("ended"));
    world.reactor.stop();
    world.reactor.stop();
    world.run_for(SECOND);
    assert!(world.reactor.is_running());
    world.reactor.stop();
    world.settle();
    assert_eq!(log.take(), ["ended"]);
    world.reactor.stop();
}

/// S82 (differently from Twisted): a reactor runs again, with its timers, and can listen and connect again.
#[test]
fn s82_a_reactor_runs_again() {
    let log = Log::default();
    let mut world = World::new();
    for round in 0..3 {
        let script = log.clone();
        let (_, address) = world.listen(for_protocol(move || Script::new(&script)));
        let peer = world.memory.connect(address).unwrap();
        world.reactor.call_later(SECOND, ReactorHandle::stop);
        let later = log.clone();
        world.reactor.call_later(SECOND * 3 / 2, move |_| later.add(format!("timer of {round}")));
        world.reactor.run().unwrap();
        assert!(peer.is_closed());
        assert_eq!(log.take(), ["made", "lost shutdown"]);
        assert_eq!(world.memory.descriptors(), 0);
        assert!(world.memory.connect(address).is_err());
        world.run_for(SECOND);
        assert_eq!(log.take(), [format!("timer of {round}")]);
    }
}

/// S83: at the shutdown every connection hears of it, one that panics or errs included, attempts fail, ports close.
#[test]
fn s83_everybody_hears_of_the_shutdown() {
    let log = Log::default();
    let mut world = World::new();
    let factory = log.clone();
    let (_, address) = world.listen(for_protocol(move || {
        Script::new(&factory).on_lost(|transport, _| {
            transport.write("zombie");
            panic!("on purpose");
        })
    }));
    let peers: Vec<_> = (0..5).map(|_| world.memory.connect(address).unwrap()).collect();
    let unanswered = ([192, 0, 2, 1], 80).into();
    let _peer = world.memory.expect_connect(unanswered);
    let attempt = log.clone();
    world
        .reactor
        .connect(unanswered, &ConnectOptions::default(), for_protocol(|| Echo))
        .then(move |result| attempt.add(result.unwrap_err().to_string()));
    world.settle();
    world.reactor.stop();
    world.settle();
    assert!(peers.iter().all(|peer| peer.is_closed()));
    let lost = log.take();
    assert_eq!(lost[..5], ["made"; 5]);
    assert_eq!(lost[5..10], ["lost shutdown"; 5]);
    assert_eq!(lost[10], "connecting to 192.0.2.1:80: the reactor stopped");
    assert_eq!(world.memory.descriptors(), 0);
    assert_eq!(world.connections(), 0);
}

/// S83: output that the peer takes at once is sent before the shutdown's end.
#[test]
fn s83_a_shutdown_tries_to_send_what_is_written() {
    let (mut world, peer, transport) = World::with(Echo);
    world.reactor.add_trigger(When::BeforeShutdown, move |_| transport.write("goodbye"));
    world.reactor.stop();
    world.settle();
    assert_eq!(peer.received(), b"goodbye");
}

/// S84: a trigger may take back a later one; it can be taken back once.
#[test]
fn s84_triggers_can_be_removed() {
    let log = Log::default();
    let mut world = World::new();
    let removed = world.reactor.add_trigger(When::BeforeShutdown, |_| -> () { panic!("it was removed") });
    assert!(world.reactor.remove_trigger(removed));
    assert!(!world.reactor.remove_trigger(removed));
    let second = Rc::new(RefCell::new(None));
    let later = Rc::clone(&second);
    world.reactor.add_trigger(When::BeforeShutdown, move |reactor| {
        assert!(reactor.remove_trigger(later.take().unwrap()));
    });
    let fired = log.clone();
    *second.borrow_mut() = Some(world.reactor.add_trigger(When::BeforeShutdown, move |_| fired.add("fired")));
    world.reactor.call_when_running(ReactorHandle::stop);
    world.reactor.run().unwrap();
    assert!(log.take().is_empty());
    assert_eq!(world.reactor.stats().panics, 0);
}

/// The first signal drains and then stops; without being asked for, signals are none of the reactor's business.
#[test]
fn a_signal_drains_and_stops() {
    let log = Log::default();
    let (mut world, peer, transport) = World::with(Script::new(&log));
    assert!(!world.memory.signal(Signal::Terminate));
    world.reactor.stop_on_signals().unwrap();
    peer.set_window(Some(0));
    transport.write("last words");
    assert!(world.memory.signal(Signal::Terminate));
    world.settle();
    assert!(world.reactor.is_running());
    peer.set_window(None);
    peer.finish();
    world.settle();
    assert_eq!(peer.received(), b"last words");
    assert!(!world.reactor.is_running());
    assert_eq!(log.take(), ["made", "lost closed"]);
}

/// A second signal stops at once; the drain of the first ends after its ten seconds.
#[test]
fn a_second_signal_stops_at_once() {
    for second in [true, false] {
        let log = Log::default();
        let (mut world, peer, transport) = World::with(Script::new(&log));
        world.reactor.stop_on_signals().unwrap();
        peer.set_window(Some(0));
        transport.write("x");
        world.memory.signal(Signal::Interrupt);
        world.settle();
        if second {
            world.memory.signal(Signal::Interrupt);
            world.settle();
            assert_eq!(log.take(), ["made", "lost shutdown"]);
        } else {
            world.run_for(SECOND * 10);
            assert_eq!(log.take(), ["made", "lost Drain"]);
        }
        assert!(!world.reactor.is_running());
    }
}

/// Several reactors in one thread do not know of each other.
#[test]
fn reactors_are_independent() {
    let (mut one, one_peer, _) = World::with(Echo);
    let (mut two, two_peer, _) = World::with(Echo);
    one_peer.send("one");
    two_peer.send("two");
    one.settle();
    two.settle();
    drop(one);
    two.settle();
    assert_eq!((one_peer.received(), two_peer.received()), (b"one".to_vec(), b"two".to_vec()));
    assert!(one_peer.is_closed() && !two_peer.is_closed());
}

/// Work for threads gives its result back, a panic as an error, a cancelled one too.
#[test]
fn work_in_threads() {
    let log = Log::default();
    let mut world = World::new();
    let handle = world.reactor.handle();
    let tell = |log: &Log| {
        let log = log.clone();
        move |result: Result<u32, ropewalk::ThreadError>| match result {
            Ok(number) => log.add(number.to_string()),
            Err(error) => log.add(error.to_string()),
        }
    };
    handle.run_in_thread(|| 6 * 7).then(tell(&log));
    handle.run_in_thread(|| -> u32 { panic!("on purpose") }).then(tell(&log));
    let cancelled = handle.run_in_thread(|| -> u32 { panic!("it was cancelled") });
    cancelled.cancel();
    cancelled.then(tell(&log));
    world.memory.fail_next(ropewalk::testing::Operation::Thread, 1, std::io::ErrorKind::OutOfMemory);
    handle.run_in_thread(|| 1).then(tell(&log));
    world.settle();
    let mut results = log.take();
    results.sort();
    assert_eq!(
        results,
        [
            "42",
            "no thread could be started for the work: out of memory",
            "the work panicked: on purpose",
            "the work was cancelled"
        ]
    );
}

/// S84: a trigger may register itself for the next time; it is not called again this time.
#[test]
fn s84_a_trigger_may_wait_for_the_next_time() {
    fn again(reactor: &ReactorHandle, when: When, log: Log) {
        reactor.add_trigger(when, move |reactor| {
            log.add(format!("{when:?}"));
            assert!(log.count("") < 100, "it is called for ever");
            again(reactor, when, log);
        });
    }
    let log = Log::default();
    let mut world = World::new();
    for when in ALL {
        again(&world.reactor, when, log.clone());
    }
    for _ in 0..2 {
        world.reactor.call_when_running(ReactorHandle::stop);
        world.reactor.run().unwrap();
        assert_eq!(log.take(), ALL.map(|when| format!("{when:?}")));
    }
}

/// A connection that was closed and has sent everything before the stop was closed cleanly.
#[test]
fn a_connection_closed_before_the_stop_is_clean() {
    let log = Log::default();
    let script = Script::new(&log).on_data(|transport, _| {
        transport.write("bye");
        transport.lose_connection();
        transport.reactor().stop();
        Ok(())
    });
    let (mut world, peer, _) = World::with(script);
    let (stuck, unsent) = world.open(Script::new(&log));
    stuck.set_window(Some(0));
    unsent.write("never sent");
    unsent.lose_connection();
    world.settle();
    peer.send("quit");
    world.settle();
    assert_eq!(peer.received(), b"bye");
    assert_eq!(log.take(), ["made", "made", "data quit", "lost closed", "lost shutdown"]);
}

/// S83: what the shutdown decides reaches also those who wait for something made from it.
#[test]
fn s83_results_of_the_shutdown_reach_those_behind_a_map() {
    let log = Log::default();
    let mut world = World::new();
    let unanswered = ([192, 0, 2, 1], 80).into();
    let _peer = world.memory.expect_connect(unanswered);
    let told = log.clone();
    let attempt = world.reactor.connect(unanswered, &ConnectOptions::default(), for_protocol(|| Echo));
    let handle = world.reactor.handle();
    attempt
        .map(|result| result.unwrap_err().to_string())
        .and_then(move |error| Deferred::resolved(&handle, error))
        .then(move |error| told.add(error));
    world.settle();
    world.reactor.stop();
    assert_eq!(world.reactor.run_once(None).unwrap(), ropewalk::Status::Stopped);
    assert_eq!(log.take(), ["connecting to 192.0.2.1:80: the reactor stopped"]);
}
