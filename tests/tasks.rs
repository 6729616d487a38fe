//! Futures on the loop: when they run, how they end, and what they can wait for.

mod world;

use std::cell::{Cell, RefCell};
use std::future::{pending, poll_fn};
use std::io;
use std::net::SocketAddr;
use std::rc::Rc;
use std::sync::mpsc::channel;
use std::task::{Poll, Waker};
use std::thread;
use std::time::Duration;

use ropewalk::{
    ConnectError, ConnectOptions, Deferred, Reactor, ReactorHandle, Task, TaskError, TimedOut, for_protocol,
};
use world::{Echo, Log, MILLISECOND, SECOND, Script, World};

/// Adds an entry when it is dropped.
struct Traced(Log, &'static str);

impl Drop for Traced {
    fn drop(&mut self) {
        self.0.add(self.1);
    }
}

fn handle(world: &World) -> ReactorHandle {
    world.reactor.handle()
}

/// Adds an entry and gives way, for ever.
async fn add_for_ever(log: Log, entry: &'static str) {
    loop {
        log.add(entry);
        give_way().await;
    }
}

/// Wakes itself at once.
async fn give_way() {
    let mut gave = false;
    poll_fn(|context| {
        if std::mem::replace(&mut gave, true) {
            return Poll::Ready(());
        }
        context.waker().wake_by_ref();
        Poll::Pending
    })
    .await;
}

/// Notes what a task ended with.
fn note<T: std::fmt::Debug + 'static>(world: &World, log: &Log, task: Task<T>) {
    let log = log.clone();
    world.reactor.spawn(async move { log.add(format!("{:?}", task.await)) }).detach();
}

#[test]
fn a_task_runs_on_the_loop_and_gives_its_output() {
    let log = Log::default();
    let mut world = World::new();
    let inside = log.clone();
    let task = world.reactor.spawn(async move {
        inside.add("began");
        give_way().await;
        42
    });
    assert!(log.take().is_empty(), "only the loop runs it");
    note(&world, &log, task);
    world.settle();
    assert_eq!(log.take(), ["began", "Ok(42)"]);
}

/// What was spawned first runs first; what is written goes out in the same turn.
#[test]
fn tasks_keep_their_order_and_run_before_output_is_sent() {
    let log = Log::default();
    let (mut world, peer, transport) = World::with(Echo);
    for entry in ["first", "second"] {
        let (log, transport) = (log.clone(), transport.clone());
        world
            .reactor
            .spawn(async move {
                log.add(entry);
                transport.write(entry);
            })
            .detach();
    }
    world.turn();
    assert_eq!(log.take(), ["first", "second"]);
    assert_eq!(peer.received(), b"firstsecond");
}

/// A task is polled once a turn at the most, so that those that wake each other hold up nobody else.
#[test]
fn tasks_that_never_rest_do_not_starve_the_loop() {
    let log = Log::default();
    let (mut world, peer, _) = World::with(Script::new(&log));
    log.take();
    world.reactor.spawn(add_for_ever(log.clone(), "a")).detach();
    world.reactor.spawn(add_for_ever(log.clone(), "b")).detach();
    let called = log.clone();
    world.reactor.call_later(SECOND, move |_| called.add("timer"));
    world.turn();
    assert_eq!(log.take(), ["a", "b"]);
    peer.send("hello");
    world.memory.advance(SECOND);
    world.turn();
    assert_eq!(log.take(), ["data hello", "timer", "a", "b"]);
}

/// Waking many times, or what has ended, is waking once, or nothing.
#[test]
fn waking_is_idempotent() {
    let mut world = World::new();
    let polls = Rc::new(Cell::new(0));
    let wakers: Rc<RefCell<Vec<Waker>>> = Rc::default();
    let (counted, kept) = (Rc::clone(&polls), Rc::clone(&wakers));
    world
        .reactor
        .spawn(poll_fn(move |context| {
            kept.borrow_mut().push(context.waker().clone());
            counted.set(counted.get() + 1);
            if counted.get() == 3 { Poll::Ready(()) } else { Poll::Pending }
        }))
        .detach();
    for expected in [1, 2, 3, 3] {
        world.settle();
        assert_eq!(polls.get(), expected);
        wakers.borrow().iter().for_each(Waker::wake_by_ref);
    }
    drop(world);
    wakers.take().into_iter().for_each(Waker::wake);
    assert_eq!(polls.get(), 3);
}

#[test]
fn a_waker_works_from_another_thread() {
    const PATIENCE: Duration = Duration::from_secs(20);
    let mut reactor = Reactor::new().unwrap();
    let (send, receive) = channel::<Waker>();
    let waking = thread::spawn(move || {
        for waker in receive {
            thread::sleep(MILLISECOND); // so that the loop is most likely in its poll
            waker.wake();
        }
    });
    let mut left = 20;
    let handle = reactor.handle();
    let woken = poll_fn(move |context| {
        left -= 1;
        if left == 0 {
            handle.stop();
            return Poll::Ready(());
        }
        send.send(context.waker().clone()).unwrap();
        Poll::Pending
    });
    reactor.spawn(woken).detach();
    let watchdog = reactor.call_later(PATIENCE, |reactor| reactor.stop());
    reactor.run().unwrap();
    assert!(watchdog.is_active(), "a waker in another thread did not wake the loop");
    waking.join().unwrap();
}

#[test]
fn a_panic_ends_its_task_alone() {
    let log = Log::default();
    let mut world = World::new();
    let held = Traced(log.clone(), "dropped");
    let task = world.reactor.spawn(async move {
        let _held = held;
        give_way().await;
        panic!("on purpose");
    });
    note::<()>(&world, &log, task);
    let counting = world.reactor.spawn(add_for_ever(log.clone(), "on"));
    world.turn();
    log.take();
    world.turn();
    world.turn();
    let mut entries = log.take();
    entries.retain(|entry| entry != "on");
    assert_eq!(entries, ["dropped", r#"Err(Panicked("on purpose"))"#]);
    assert_eq!(world.reactor.stats().panics, 1);
    world.turn();
    assert_eq!(log.take(), ["on"]);
    drop(counting);
}

#[test]
fn dropping_the_handle_cancels_and_detaching_does_not() {
    let log = Log::default();
    let mut world = World::new();
    let spawn = |entry| {
        let (held, reactor) = (Traced(log.clone(), entry), handle(&world));
        world.reactor.spawn(async move {
            reactor.sleep(SECOND).await;
            held.0.add("slept");
        })
    };
    let cancelled = spawn("cancelled");
    spawn("detached").detach();
    world.settle();
    drop(cancelled);
    assert!(log.take().is_empty(), "dropping calls nobody");
    world.settle();
    assert_eq!(log.take(), ["cancelled"]);
    world.run_for(SECOND);
    assert_eq!(log.take(), ["slept", "detached"]);
    assert_eq!(world.reactor.stats().timers, 0);
}

/// A task that gives itself up goes on to its next `await`, and no further.
#[test]
fn a_task_may_cancel_itself() {
    let log = Log::default();
    let mut world = World::new();
    let own: Rc<RefCell<Option<Task<()>>>> = Rc::default();
    let (itself, inside) = (Rc::clone(&own), log.clone());
    let held = Traced(log.clone(), "dropped");
    *own.borrow_mut() = Some(world.reactor.spawn(async move {
        let _held = held;
        drop(itself.take());
        inside.add("goes on");
        pending::<()>().await;
    }));
    world.turn();
    assert_eq!(log.take(), ["goes on"]);
    world.turn();
    assert_eq!(log.take(), ["dropped"]);
}

#[test]
fn whoever_awaits_a_cancelled_task_hears_of_it() {
    let log = Log::default();
    let mut world = World::new();
    let cancelled = Rc::new(world.reactor.spawn(pending::<u32>()));
    let given_up = Rc::clone(&cancelled);
    world.settle();
    given_up.cancel();
    given_up.cancel();
    drop(given_up);
    note(&world, &log, Rc::into_inner(cancelled).unwrap());
    let ended = world.reactor.spawn(async { 1 });
    world.settle();
    ended.cancel();
    note(&world, &log, ended);
    world.settle();
    assert_eq!(log.take(), ["Err(Cancelled)", "Ok(1)"]);
}

#[test]
fn a_destructor_that_panics_is_contained() {
    struct Trap;
    impl Drop for Trap {
        fn drop(&mut self) {
            panic!("on purpose");
        }
    }
    let log = Log::default();
    let mut world = World::new();
    for _ in 0..2 {
        let trap = Trap;
        let task = world.reactor.spawn(async move {
            let _trap = trap;
            pending::<()>().await;
        });
        world.settle();
        drop(task);
    }
    world.settle();
    assert_eq!(world.reactor.stats().panics, 2);
    for _ in 0..2 {
        let (trap, traced) = (Trap, Traced(log.clone(), "dropped"));
        let task = async move {
            let _held = (trap, traced);
            pending::<()>().await;
        };
        world.reactor.spawn(task).detach();
    }
    drop(world);
    assert_eq!(log.take(), ["dropped", "dropped"]);
}

#[test]
fn a_deferred_can_be_awaited_before_and_after_it_has_its_value() {
    let log = Log::default();
    let mut world = World::new();
    let (early, resolver) = Deferred::new(&world.reactor);
    let late = Deferred::resolved(&world.reactor, 2);
    let inside = log.clone();
    let sum = world.reactor.spawn(async move {
        let early = early.await;
        inside.add("first");
        early + late.await
    });
    note(&world, &log, sum);
    world.settle();
    assert!(log.take().is_empty());
    resolver.resolve(40);
    world.settle();
    assert_eq!(log.take(), ["first", "Ok(42)"]);
}

/// Cancelling a task cancels what it waits for, through all that was made of it.
#[test]
fn cancelling_a_task_cancels_the_operation_that_it_awaits() {
    let mut world = World::new();
    let address = SocketAddr::from(([192, 0, 2, 1], 80));
    for mapped in [false, true] {
        let peer = world.memory.expect_connect(address);
        let attempt = world.reactor.connect(address, &ConnectOptions::default(), for_protocol(|| Echo));
        let task = world.reactor.spawn(async move {
            if mapped {
                attempt.map(|result| result.is_ok()).map(|made| !made).await;
            } else {
                attempt.await.unwrap();
            }
        });
        world.settle();
        assert!(!peer.is_closed());
        drop(task);
        world.settle();
        assert!(peer.is_closed());
        assert_eq!((world.memory.descriptors(), world.reactor.stats().timers), (0, 0));
    }
}

/// Only awaiting does that: dropping a deferred that nobody awaits lets the operation go on.
#[test]
fn dropping_a_deferred_does_not_cancel() {
    let mut world = World::new();
    let address = SocketAddr::from(([192, 0, 2, 1], 80));
    let peer = world.memory.expect_connect(address);
    drop(world.reactor.connect(address, &ConnectOptions::default(), for_protocol(|| Echo)));
    world.settle();
    assert!(!peer.is_closed());
}

#[test]
fn errors_pass_through_an_await() {
    let log = Log::default();
    let mut world = World::new();
    let address = SocketAddr::from(([192, 0, 2, 1], 80));
    world.memory.expect_connect(address).refuse(io::ErrorKind::ConnectionRefused);
    let reactor = handle(&world);
    let task = world.reactor.spawn(async move {
        reactor.connect(address, &ConnectOptions::default(), for_protocol(|| Echo)).await?;
        Ok::<(), ConnectError>(())
    });
    let noted = log.clone();
    world.reactor.spawn(async move { noted.add(task.await.unwrap().unwrap_err().to_string()) }).detach();
    world.settle();
    assert_eq!(log.take(), ["connecting to 192.0.2.1:80: connection refused"]);
}

#[test]
fn sleep_takes_exactly_its_time() {
    let log = Log::default();
    let mut world = World::new();
    let (reactor, inside) = (handle(&world), log.clone());
    world
        .reactor
        .spawn(async move {
            for _ in 0..2 {
                reactor.sleep(SECOND).await;
                inside.add("slept");
            }
        })
        .detach();
    world.run_for(SECOND - Duration::from_nanos(1));
    assert!(log.take().is_empty());
    world.run_for(Duration::from_nanos(1));
    assert_eq!(log.take(), ["slept"]);
    world.run_for(SECOND);
    assert_eq!(log.take(), ["slept"]);
}

#[test]
fn sleeping_for_no_time_gives_way() {
    let log = Log::default();
    let mut world = World::new();
    for entry in ["a", "b"] {
        let (reactor, log) = (handle(&world), log.clone());
        world
            .reactor
            .spawn(async move {
                for _ in 0..2 {
                    log.add(entry);
                    reactor.sleep(Duration::ZERO).await;
                }
            })
            .detach();
    }
    world.settle();
    assert_eq!(log.take(), ["a", "b", "a", "b"]);
}

#[test]
fn a_timeout_gives_the_result_or_gives_up() {
    let log = Log::default();
    let mut world = World::new();
    for seconds in [1, 3] {
        let (reactor, log, held) = (handle(&world), log.clone(), Traced(log.clone(), "dropped"));
        let slow = reactor.clone();
        world
            .reactor
            .spawn(async move {
                let work = async move {
                    let _held = held;
                    slow.sleep(SECOND * seconds).await;
                    seconds
                };
                log.add(format!("{:?}", reactor.timeout(SECOND * 2, work).await));
            })
            .detach();
    }
    world.run_for(SECOND);
    assert_eq!(log.take(), ["dropped", "Ok(1)"]);
    world.run_for(SECOND);
    let error = TimedOut { after: SECOND * 2 };
    assert_eq!(log.take(), ["dropped".to_owned(), format!("Err({error:?})")]);
    assert_eq!(error.to_string(), "no result within 2s");
    assert_eq!(world.reactor.stats().timers, 0, "what is given up is cancelled");
}

/// What a stop brings about reaches the tasks that wait for it; the others go on when the reactor does.
#[test]
fn tasks_outlive_a_stop() {
    let log = Log::default();
    let (mut world, _, transport) = World::with(Script::new(&log));
    log.take();
    let inside = log.clone();
    world
        .reactor
        .spawn(async move {
            transport.when_lost().await;
            inside.add("heard of the loss");
        })
        .detach();
    let (reactor, inside) = (handle(&world), log.clone());
    world
        .reactor
        .spawn(async move {
            reactor.sleep(SECOND).await;
            inside.add("slept");
        })
        .detach();
    world.settle();
    world.reactor.stop();
    world.settle();
    assert!(!world.reactor.is_running());
    assert_eq!(log.take(), ["lost shutdown", "heard of the loss"]);
    world.run_for(SECOND);
    assert_eq!(log.take(), ["slept"]);
}

#[test]
fn a_task_of_a_reactor_that_is_gone_is_cancelled() {
    let log = Log::default();
    let (gone, mut world) = (World::new(), World::new());
    let dead = handle(&gone);
    drop(gone);
    let held = Traced(log.clone(), "dropped");
    let task = dead.spawn(async move { drop(held) });
    assert_eq!(log.take(), ["dropped"]);
    note(&world, &log, task);
    world.settle();
    assert_eq!(log.take(), [format!("Err({:?})", TaskError::Cancelled)]);
}

/// Also by those who ask in the turn in which it is lost, before it is freed.
#[test]
fn when_lost_comes_to_those_who_ask_from_another_connections_loss() {
    let log = Log::default();
    let (mut world, first_peer, first) = World::with(Echo);
    let noted = log.clone();
    let (second_peer, _) = world.open(Script::new(&log).on_lost(move |_, _| {
        let noted = noted.clone();
        first.when_lost().then(move |_| noted.add("first is lost"));
    }));
    first_peer.reset();
    second_peer.reset();
    world.settle();
    assert_eq!(log.take(), ["made", "lost broken ConnectionReset", "first is lost"]);
}

/// A loss can be waited for before and after it, whichever protocol the connection has by then.
#[test]
fn when_lost_comes_after_connection_lost() {
    let log = Log::default();
    let (mut world, peer, transport) = World::with(Echo);
    transport.switch_protocol(Script::new(&log), "");
    world.settle();
    log.take();
    for entry in ["before", "late"] {
        let noted = log.clone();
        transport.when_lost().then(move |reason| noted.add(format!("{entry} {reason:?}")));
        world.settle();
        if entry == "before" {
            assert!(log.take().is_empty());
            peer.finish();
            world.settle();
            assert_eq!(log.take(), ["eof", "lost closed", "before Some(Closed)"]);
        }
    }
    assert_eq!(log.take(), ["late None"]);
}
