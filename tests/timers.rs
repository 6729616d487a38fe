//! Delayed calls (S76–S79, S85; G9) and protocols' timers, on virtual time.

mod world;

use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::time::Duration;

use ropewalk::{DelayedCallError, Instant};
use world::{Echo, Log, MILLISECOND, SECOND, Script, World, YEAR};

/// S76: a call of no delay made by a timer runs in the next turn, after input; earlier siblings run first.
#[test]
fn s76_call_later_zero_runs_in_the_next_turn() {
    let log = Log::default();
    let (mut world, peer, _) = World::with(Script::new(&log));
    log.take();
    let (first, second) = (log.clone(), log.clone());
    world.reactor.call_later(Duration::ZERO, move |reactor| {
        first.add("first");
        peer.send("input");
        reactor.call_later(Duration::ZERO, move |_| first.add("nested"));
    });
    world.reactor.call_later(Duration::ZERO, move |_| second.add("second"));
    world.turn();
    assert_eq!(log.take(), ["first", "second"]);
    world.turn();
    assert_eq!(log.take(), ["data input", "nested"]);
}

/// S76: a timer that panics keeps no other from running.
#[test]
fn s76_g7_a_panicking_timer_stops_nothing_else() {
    let log = Log::default();
    let mut world = World::new();
    world.reactor.call_later(SECOND, |_| panic!("on purpose"));
    let after = log.clone();
    world.reactor.call_later(SECOND, move |_| after.add("after"));
    world.run_for(SECOND);
    assert_eq!(log.take(), ["after"]);
    assert_eq!(world.reactor.stats().panics, 1);
}

/// S77: calls from other threads run in order, before the timers of their turn; what they post runs in the next.
#[test]
fn s77_calls_from_threads_run_before_timers() {
    let mut world = World::new();
    let entries = std::sync::Arc::new(std::sync::Mutex::new(Vec::new()));
    let timer = std::sync::Arc::clone(&entries);
    world.reactor.call_later(Duration::ZERO, move |_| timer.lock().unwrap().push("timer"));
    let remote = world.reactor.remote();
    let posted = std::sync::Arc::clone(&entries);
    std::thread::spawn(move || {
        let again = remote.clone();
        let first = std::sync::Arc::clone(&posted);
        remote
            .post(move |_| {
                first.lock().unwrap().push("first");
                let nested = std::sync::Arc::clone(&first);
                again.post(move |_| nested.lock().unwrap().push("nested")).unwrap();
            })
            .unwrap();
        remote.post(|_| panic!("on purpose")).unwrap();
        remote.post(move |_| posted.lock().unwrap().push("second")).unwrap();
    })
    .join()
    .unwrap();
    world.turn();
    assert_eq!(*entries.lock().unwrap(), ["first", "second", "timer"]);
    world.turn();
    assert_eq!(*entries.lock().unwrap(), ["first", "second", "timer", "nested"]);
}

/// S78: cancelling twice, and anything after the call, is an error that says which.
#[test]
fn s78_changing_a_call_that_is_over_is_an_error() {
    let mut world = World::new();
    let cancelled = world.reactor.call_later(SECOND, |_| panic!("it was cancelled"));
    cancelled.cancel().unwrap();
    assert_eq!(cancelled.cancel(), Err(DelayedCallError::AlreadyCancelled));
    assert_eq!(cancelled.reset(SECOND), Err(DelayedCallError::AlreadyCancelled));
    assert!(!cancelled.is_active() && cancelled.time().is_none());

    let own = Rc::new(RefCell::new(None::<ropewalk::DelayedCall>));
    let within = Rc::clone(&own);
    let checked = Rc::new(Cell::new(false));
    let done = Rc::clone(&checked);
    *own.borrow_mut() = Some(world.reactor.call_later(SECOND, move |_| {
        let own = within.borrow();
        let own = own.as_ref().unwrap();
        assert_eq!(own.cancel(), Err(DelayedCallError::AlreadyCalled));
        assert_eq!(own.reset(SECOND), Err(DelayedCallError::AlreadyCalled));
        assert_eq!(own.delay(SECOND), Err(DelayedCallError::AlreadyCalled));
        assert!(!own.is_active());
        done.set(true);
    }));
    world.run_for(SECOND * 2);
    assert!(checked.get());
    assert_eq!(world.reactor.stats().panics, 0);
}

/// S79: `reset` counts from now, `delay` and `hasten` from the time that was set.
#[test]
fn s79_reset_delay_and_hasten() {
    let log = Log::default();
    let mut world = World::new();
    let called = log.clone();
    let call = world.reactor.call_later(SECOND * 10, move |_| called.add("called"));
    world.run_for(SECOND * 2);
    call.delay(SECOND * 5).unwrap();
    assert_eq!(call.time(), Some(Instant::ZERO + SECOND * 15));
    call.hasten(SECOND).unwrap();
    assert_eq!(call.time(), Some(Instant::ZERO + SECOND * 14));
    call.reset(SECOND * 3).unwrap();
    assert_eq!(call.time(), Some(Instant::ZERO + SECOND * 5));
    world.run_for(SECOND * 3 - Duration::from_nanos(1));
    assert!(log.take().is_empty());
    world.run_for(Duration::from_nanos(1));
    assert_eq!(log.take(), ["called"]);
    let soon = world.reactor.call_later(SECOND, |_| {});
    soon.hasten(YEAR).unwrap();
    world.settle();
    assert!(!soon.is_active());
}

/// S85: when the clock jumps, due calls run in the order of their times, first come first among equals.
#[test]
fn s85_due_calls_run_in_order_after_a_jump() {
    let log = Log::default();
    let mut world = World::new();
    for (name, seconds) in [("d", 4), ("a", 1), ("c", 3), ("b", 1), ("e", 4)] {
        let log = log.clone();
        world.reactor.call_later(SECOND * seconds, move |_| log.add(name));
    }
    world.memory.advance(SECOND * 5);
    world.settle();
    assert_eq!(log.take(), ["a", "b", "c", "d", "e"]);
}

/// A timer may cancel or move one that is due in the same turn.
#[test]
fn a_timer_may_cancel_or_move_another_of_its_batch() {
    let log = Log::default();
    let mut world = World::new();
    let later = Rc::new(RefCell::new(Vec::new()));
    let calls = Rc::clone(&later);
    world.reactor.call_later(SECOND, move |_| {
        let calls: std::cell::Ref<'_, Vec<ropewalk::DelayedCall>> = calls.borrow();
        calls[0].cancel().unwrap();
        calls[1].reset(SECOND).unwrap();
    });
    for name in ["cancelled", "moved", "kept"] {
        let log = log.clone();
        later.borrow_mut().push(world.reactor.call_later(SECOND, move |_| log.add(name)));
    }
    world.run_for(SECOND);
    assert_eq!(log.take(), ["kept"]);
    world.run_for(SECOND);
    assert_eq!(log.take(), ["moved"]);
}

/// G9: no timer fires before its time, to the nanosecond, and each fires at it.
#[test]
fn g9_timers_fire_never_early_and_exactly() {
    let mut world = World::new();
    let fired = Rc::new(Cell::new(0));
    let mut seed = 1_u64;
    for _ in 0..3000 {
        seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        let delay = Duration::from_nanos((seed >> 20) >> (seed % 30));
        let due = world.now() + delay;
        let fired = Rc::clone(&fired);
        world.reactor.call_later(delay, move |reactor| {
            assert_eq!(reactor.now(), due);
            fired.set(fired.get() + 1);
        });
    }
    world.run_for(YEAR);
    assert_eq!(fired.get(), 3000);
    assert_eq!(world.reactor.stats().panics, 0);
}

/// G9: a timer set between turns counts from the time it is then, not from the last turn.
#[test]
fn g9_timers_set_between_turns_are_not_early() {
    let log = Log::default();
    let (mut world, _, transport) = World::with(Script::new(&log));
    log.take();
    world.memory.advance(SECOND * 10);
    assert_eq!(world.reactor.now(), world.now());
    let called = log.clone();
    world.reactor.call_later(SECOND, move |_| called.add("called"));
    transport.set_timer(SECOND);
    world.run_for(SECOND - Duration::from_nanos(1));
    assert!(log.take().is_empty());
    world.run_for(Duration::from_nanos(1));
    assert_eq!(log.take(), ["called", "timer"]);
}

/// All callbacks of a turn see the time at which it began, however slow they are.
#[test]
fn a_turn_has_one_time() {
    let mut world = World::new();
    let seen = Rc::new(RefCell::new(Vec::new()));
    for _ in 0..2 {
        let (seen, memory) = (Rc::clone(&seen), world.memory.clone());
        world.reactor.call_later(SECOND, move |reactor| {
            seen.borrow_mut().push(reactor.now());
            memory.advance(SECOND);
        });
    }
    world.run_for(SECOND);
    assert_eq!(*seen.borrow(), [Instant::ZERO + SECOND; 2]);
}

/// A timer of a year comes in a year, one of `Duration::MAX` never, and neither keeps the loop busy.
#[test]
fn timers_of_a_year_and_of_ever() {
    let log = Log::default();
    let mut world = World::new();
    let called = log.clone();
    world.reactor.call_later(YEAR, move |_| called.add("a year"));
    let never = world.reactor.call_later(Duration::MAX, |_| panic!("ever came"));
    let polls = world.memory.polls();
    world.run_for(YEAR - MILLISECOND);
    assert!(log.take().is_empty());
    world.run_for(MILLISECOND);
    assert_eq!(log.take(), ["a year"]);
    world.run_for(YEAR * 100);
    assert!(never.is_active());
    assert!(world.memory.polls() - polls < 40);
    assert_eq!(world.reactor.stats().panics, 0);
}

/// A loop with nothing to wait for says so instead of hanging.
#[test]
fn a_loop_without_a_future_is_an_error_in_memory() {
    let mut world = World::new();
    world.reactor.call_later(Duration::MAX, |_| {});
    let error = world.reactor.run().unwrap_err();
    assert!(error.to_string().starts_with("nothing is left that could happen"), "{error}");
}

/// Protocols' timers tell which expired, can be cancelled, also twice and when expired, and end with the connection.
#[test]
fn protocol_timers() {
    let log = Log::default();
    let seen = Rc::new(RefCell::new(Vec::new()));
    let keys = Rc::clone(&seen);
    let (mut world, _, transport) = World::with(Script::new(&log).on_timer(move |transport, key| {
        transport.cancel_timer(key);
        keys.borrow_mut().push(key);
    }));
    let second = transport.set_timer(SECOND * 2);
    let first = transport.set_timer(SECOND);
    let cancelled = transport.set_timer(SECOND);
    transport.cancel_timer(cancelled);
    transport.cancel_timer(cancelled);
    world.run_for(SECOND * 3);
    assert_eq!(*seen.borrow(), [first, second]);
    transport.cancel_timer(first);
    transport.set_timer(SECOND);
    transport.set_timer(YEAR);
    transport.abort_connection();
    world.run_for(SECOND * 3);
    assert_eq!(log.take(), ["made", "timer", "timer", "lost aborted"]);
    assert_eq!(world.reactor.stats().timers, 0);
}

/// A timer that ends the connection keeps another of the same moment from being heard.
#[test]
fn no_timer_is_heard_after_an_abort_in_the_same_turn() {
    let log = Log::default();
    let (mut world, _, transport) =
        World::with(Script::new(&log).on_timer(|transport, _| transport.abort_connection()));
    transport.set_timer(SECOND);
    transport.set_timer(SECOND);
    world.run_for(SECOND);
    assert_eq!(log.take(), ["made", "timer", "lost aborted"]);
}

/// Cancelling drops what the call holds at once.
#[test]
fn cancelling_drops_the_call() {
    let world = World::new();
    let held = Rc::new(());
    let weak = Rc::downgrade(&held);
    let call = world.reactor.call_later(YEAR, move |_| drop(held));
    call.cancel().unwrap();
    assert!(weak.upgrade().is_none());
    assert_eq!(world.reactor.stats().timers, 0);
}

/// Arming an idle timeout anew with each read makes no timers.
#[test]
fn traffic_makes_no_timers() {
    let (mut world, peer, transport) = World::with(Echo);
    transport.set_idle_timeout(Some(SECOND * 60));
    for _ in 0..1000 {
        peer.send("x");
        world.run_for(MILLISECOND);
        assert_eq!(world.reactor.stats().timers, 1);
    }
}

/// One connection may have many timers, as a proxy has for its requests. No list of them is searched for each, or this
/// test would take a hundred times as long.
#[test]
fn a_protocol_may_have_a_hundred_thousand_timers() {
    const TIMERS: usize = 100_000;
    let log = Log::default();
    let (mut world, _, transport) = World::with(Script::new(&log));
    let keys: Vec<_> = (0..TIMERS).map(|_| transport.set_timer(SECOND)).collect();
    for &key in &keys[..TIMERS - 1] {
        transport.cancel_timer(key);
    }
    assert_eq!(world.reactor.stats().timers, 1);
    world.run_for(SECOND);
    assert_eq!(log.take(), ["made", "timer"]);
    for _ in 0..TIMERS {
        transport.set_timer(SECOND);
    }
    transport.abort_connection();
    world.settle();
    assert_eq!(world.reactor.stats().timers, 0);
}
