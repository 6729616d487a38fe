//! Looping calls (S86–S89), on virtual time.

mod world;

use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::time::Duration;

use ropewalk::{Deferred, LoopEnd, LoopingCall, Resolver};
use world::{Log, SECOND, World};

/// Logs the second and the count of each call, and lets each take as long as `takes` says.
fn log_calls(log: &Log, world: &World, takes: Duration) -> impl FnMut(&LoopingCall) + use<> {
    let (log, memory) = (log.clone(), world.memory.clone());
    move |looping| {
        log.add(format!("{:?}: {}", memory.now(), looping.count()));
        memory.advance(takes);
    }
}

/// S86: at once, then on the grid; a call of two and a half intervals skips to the next point of it.
#[test]
fn s86_missed_ticks_are_skipped() {
    let log = Log::default();
    let mut world = World::new();
    let _ = world.reactor.call_now_and_every(SECOND, log_calls(&log, &world, SECOND * 5 / 2));
    world.run_for(SECOND * 7);
    assert_eq!(log.take(), ["0ns: 1", "3s: 3", "6s: 3"]);
}

/// S86: the grid does not drift although every tick is late.
#[test]
fn s86_the_grid_does_not_drift() {
    let log = Log::default();
    let mut world = World::new();
    let _ = world.reactor.call_every(SECOND, log_calls(&log, &world, SECOND / 10));
    world.run_for(SECOND * 1000);
    let calls = log.take();
    assert_eq!(calls.len(), 1000);
    assert_eq!(calls[999], "1000s: 1");
}

/// S87: not at once means after one interval; the count tells how many have passed.
#[test]
fn s87_the_count_tells_the_intervals() {
    let log = Log::default();
    let mut world = World::new();
    let _ = world.reactor.call_every(SECOND, log_calls(&log, &world, Duration::ZERO));
    world.settle();
    assert!(log.take().is_empty());
    world.memory.advance(SECOND * 7 / 2);
    world.settle();
    assert_eq!(log.take(), ["3.5s: 3"]);
    world.run_for(SECOND);
    assert_eq!(log.take(), ["4s: 1"]);
}

/// S87: an interval of zero calls once a turn, counting one each time, and starves nobody.
#[test]
fn s87_an_interval_of_zero_calls_every_turn() {
    let counts = Rc::new(RefCell::new(Vec::new()));
    let mut world = World::new();
    let seen = Rc::clone(&counts);
    let looping = world.reactor.call_every(Duration::ZERO, move |looping| {
        seen.borrow_mut().push(looping.count());
    });
    let log = Log::default();
    let called = log.clone();
    world.reactor.call_when_running(move |_| called.add("other"));
    for _ in 0..20 {
        world.turn();
    }
    assert!(counts.borrow().len() >= 5 && counts.borrow().len() <= 20);
    assert!(counts.borrow().iter().all(|count| *count == 1));
    assert_eq!(log.take(), ["other"]);
    looping.stop();
    world.settle();
}

/// S88: a panic ends the loop and is how it ended, whenever one asks.
#[test]
fn s88_a_panic_ends_the_loop() {
    let log = Log::default();
    let mut world = World::new();
    let looping = world.reactor.call_every(SECOND, |_| -> () { panic!("on purpose") });
    let ended = log.clone();
    looping.ended().then(move |end| ended.add(format!("{end:?}")));
    world.run_for(SECOND * 5);
    let ended = log.clone();
    looping.ended().then(move |end| ended.add(format!("{end:?}")));
    world.settle();
    let panicked = format!("{:?}", LoopEnd::Panicked("on purpose".into()));
    assert_eq!(log.take(), [panicked.clone(), panicked]);
    assert!(!looping.is_running());
    assert_eq!(world.reactor.stats().timers, 0);
}

/// S88: a call that waits for something is not made again before that has come; stopping waits for it too.
#[test]
fn s88_calls_never_overlap() {
    let log = Log::default();
    let mut world = World::new();
    let handle = world.reactor.handle();
    let pending: Rc<RefCell<Option<Resolver<()>>>> = Rc::default();
    let slot = Rc::clone(&pending);
    let called = log.clone();
    let looping = world.reactor.call_every(SECOND, move |looping| {
        called.add(format!("call {}", looping.count()));
        let (deferred, resolver) = Deferred::<()>::new(&handle);
        slot.borrow_mut().replace(resolver);
        deferred
    });
    world.run_for(SECOND * 7 / 2);
    assert_eq!(log.take(), ["call 1"]);
    pending.take().unwrap().resolve(());
    world.run_for(SECOND);
    assert_eq!(log.take(), ["call 3"]);
    let ended = log.clone();
    looping.ended().then(move |end| ended.add(format!("{end:?}")));
    looping.stop();
    world.run_for(SECOND * 5);
    assert!(log.take().is_empty(), "its last call is not finished");
    pending.take().unwrap().resolve(());
    world.run_for(SECOND * 5);
    assert_eq!(log.take(), ["Stopped"]);
}

/// S89: stopping twice, resetting and stopping when it has ended do nothing; resetting begins the grid anew.
#[test]
fn s89_reset_begins_the_grid_anew() {
    let log = Log::default();
    let mut world = World::new();
    let looping = world.reactor.call_every(SECOND, log_calls(&log, &world, Duration::ZERO));
    world.run_for(SECOND * 3 / 2);
    looping.reset();
    world.run_for(SECOND * 2);
    assert_eq!(log.take(), ["1s: 1", "2.5s: 1", "3.5s: 1"]);
    looping.stop();
    looping.stop();
    looping.reset();
    world.run_for(SECOND * 5);
    assert!(log.take().is_empty());
    assert!(!looping.is_running());
    assert_eq!(world.reactor.stats().timers, 0);
}

/// It may stop or reset itself from its own call.
#[test]
fn it_may_stop_itself() {
    let calls = Rc::new(Cell::new(0));
    let mut world = World::new();
    let made = Rc::clone(&calls);
    let looping = world.reactor.call_now_and_every(SECOND, move |looping| {
        looping.reset();
        made.set(made.get() + 1);
        if made.get() == 3 {
            looping.stop();
        }
    });
    world.run_for(SECOND * 100);
    assert_eq!(calls.get(), 3);
    assert!(!looping.is_running());
}

/// What the call holds is dropped when it ends; an interval that never comes does no harm.
#[test]
fn ending_drops_the_call() {
    let mut world = World::new();
    let held = Rc::new(());
    let weak = Rc::downgrade(&held);
    let looping = world.reactor.call_every(Duration::MAX, move |_| {
        let _ = &held;
    });
    world.run_for(SECOND);
    looping.stop();
    assert!(weak.upgrade().is_none());
}
