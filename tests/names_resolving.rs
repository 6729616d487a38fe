//! Resolving names: who is asked, how often, and how it ends.
#![allow(clippy::unwrap_used, reason = "in a test a panic is the report")]

mod world;

use std::cell::{Cell, RefCell};
use std::io::ErrorKind;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::rc::Rc;
use std::time::Duration;

use ropewalk::testing::Operation;
use ropewalk::{
    Deferred, Instant, NameProblem, NameResolver, ReactorHandle, ResolveError, Resolver, SystemResolver,
};
use world::{MILLISECOND, SECOND, World};

const ADDRESS: IpAddr = IpAddr::V4(Ipv4Addr::new(192, 0, 2, 1));

type Resolved = Result<Vec<IpAddr>, ResolveError>;

/// Results, each with the time at which it came.
#[derive(Clone, Default)]
struct Results(Rc<RefCell<Vec<(Resolved, u128)>>>);

impl Results {
    fn hear(&self, world: &World, deferred: Deferred<Resolved>) {
        let (results, memory) = (self.clone(), world.memory.clone());
        deferred.then(move |result| {
            results.0.borrow_mut().push((result, (memory.now() - Instant::ZERO).as_millis()));
        });
    }

    fn resolve(&self, world: &World, name: &str) {
        self.hear(world, world.reactor.resolve(name));
    }

    fn count(&self) -> usize {
        self.0.borrow().len()
    }

    /// The only result that has come, and the millisecond at which it did.
    #[track_caller]
    fn only(&self) -> (Resolved, u128) {
        assert_eq!(self.count(), 1);
        self.0.borrow_mut().pop().unwrap()
    }

    #[track_caller]
    fn only_error(&self) -> String {
        self.only().0.unwrap_err().to_string()
    }
}

/// A world that knows `example.org`, whose lookups take 100 milliseconds.
fn world() -> (World, Results) {
    let world = World::new();
    world.memory.set_name("example.org", [ADDRESS]);
    world.memory.set_lookup_time(100 * MILLISECOND);
    (world, Results::default())
}

#[track_caller]
fn assert_nothing_left(world: &mut World) {
    world.settle();
    assert_eq!(world.reactor.stats().timers, 0);
}

#[test]
fn a_name_is_looked_up() {
    let (mut world, results) = world();
    results.resolve(&world, "Example.ORG");
    world.run_for(SECOND);
    let (result, time) = results.only();
    assert_eq!((result.unwrap(), time), (vec![ADDRESS], 100));
    assert_nothing_left(&mut world);
}

#[test]
fn the_order_of_the_addresses_is_kept_and_duplicates_go() {
    let (mut world, results) = world();
    let v6 = IpAddr::V6(Ipv6Addr::LOCALHOST);
    world.memory.set_name("two.example", [v6, ADDRESS, v6]);
    results.resolve(&world, "two.example");
    world.run_for(SECOND);
    assert_eq!(results.only().0.unwrap(), [v6, ADDRESS]);
}

#[test]
fn a_name_without_addresses_is_no_host() {
    let (mut world, results) = world();
    world.memory.set_name("empty.example", []);
    for name in ["unknown.example", "empty.example"] {
        results.resolve(&world, name);
        world.run_for(SECOND);
        assert_eq!(results.only_error(), format!("resolving {name:?}: no such host"));
    }
}

#[test]
fn addresses_and_localhost_need_no_lookup() {
    let (mut world, results) = world();
    let both = vec![IpAddr::V4(Ipv4Addr::LOCALHOST), IpAddr::V6(Ipv6Addr::LOCALHOST)];
    for (name, addresses) in [
        ("192.0.2.1", vec![ADDRESS]),
        ("::1", vec![both[1]]),
        ("localhost", both.clone()),
        ("LOCALHOST.", both.clone()),
        ("db.localhost", both),
    ] {
        results.resolve(&world, name);
        assert_eq!(results.count(), 0, "never from within the call");
        world.settle();
        assert_eq!(results.only().0.unwrap(), addresses);
    }
    assert_eq!(world.memory.lookups(), 0);
}

#[test]
fn what_is_no_name_is_never_asked_for() {
    let (mut world, results) = world();
    for name in ["", "two words", "nul\0", "b\u{fc}cher.example", "127.1", &"a".repeat(64)] {
        results.resolve(&world, name);
        world.settle();
        match results.only().0.unwrap_err() {
            ResolveError::BadName { name: named, .. } => assert_eq!(named, name),
            other => panic!("{other}"),
        }
    }
    results.resolve(&world, "b\u{fc}cher.example");
    world.settle();
    let error = results.only().0.unwrap_err();
    assert!(error.to_string().contains("write it in punycode"), "{error}");
    assert!(matches!(error, ResolveError::BadName { problem: NameProblem::NotAscii, .. }));
    assert_eq!(world.memory.lookups(), 0);
}

#[test]
fn those_who_ask_at_the_same_time_share_a_lookup() {
    let (mut world, results) = world();
    results.resolve(&world, "example.org");
    results.resolve(&world, "EXAMPLE.org");
    world.run_for(50 * MILLISECOND);
    results.resolve(&world, "example.org");
    results.resolve(&world, "other.example");
    world.run_for(50 * MILLISECOND);
    assert_eq!(results.count(), 3);
    assert_eq!(world.memory.lookups(), 2);
    // Nothing is kept for later.
    world.memory.set_name("example.org", []);
    results.resolve(&world, "example.org");
    world.run_for(SECOND);
    assert_eq!(world.memory.lookups(), 3);
    assert_nothing_left(&mut world);
}

#[test]
fn one_who_cancels_leaves_the_others_waiting() {
    let (mut world, results) = world();
    let attempt = world.reactor.resolve("example.org");
    results.resolve(&world, "example.org");
    world.run_for(50 * MILLISECOND);
    attempt.cancel();
    attempt.cancel();
    let cancelled = Results::default();
    cancelled.hear(&world, attempt);
    world.run_for(SECOND);
    assert_eq!(cancelled.only_error(), "resolving \"example.org\": cancelled");
    assert_eq!(results.only().1, 100);
    assert_nothing_left(&mut world);
}

#[test]
fn a_name_that_nobody_waits_for_any_more_is_looked_up_anew() {
    let (mut world, results) = world();
    let attempt = world.reactor.resolve("example.org");
    world.run_for(50 * MILLISECOND);
    attempt.cancel();
    world.memory.set_name("example.org", [IpAddr::V6(Ipv6Addr::LOCALHOST)]);
    results.resolve(&world, "example.org");
    world.run_for(SECOND);
    // The answer to the first lookup is nobody's.
    assert_eq!(results.only().1, 150);
    assert_eq!(world.memory.lookups(), 2);
    assert_nothing_left(&mut world);
}

#[test]
fn a_lookup_that_is_cancelled_before_it_begins_never_does() {
    let (mut world, _) = world();
    world.reactor.resolve("example.org").cancel();
    world.run_for(SECOND);
    assert_eq!(world.memory.lookups(), 0);
}

#[test]
fn everybody_waits_for_as_long_as_they_said() {
    let (mut world, results) = world();
    world.memory.set_lookup_time(Duration::MAX);
    results.resolve(&world, "example.org");
    results.hear(&world, world.reactor.resolve_within("example.org", 300 * MILLISECOND));
    world.run_for(SECOND);
    let (result, time) = results.only();
    assert_eq!(result.unwrap_err().to_string(), "resolving \"example.org\": no answer within 300ms");
    assert_eq!(time, 300);
    world.run_for(10 * SECOND);
    assert_eq!(results.only().1, 10_000);
    assert_nothing_left(&mut world);
}

#[test]
fn a_lookup_that_cannot_begin_is_an_error() {
    let (mut world, results) = world();
    world.memory.fail_next(Operation::Resolve, 1, ErrorKind::OutOfMemory);
    results.resolve(&world, "example.org");
    world.settle();
    assert_eq!(results.only_error(), "resolving \"example.org\": out of memory");
    assert_nothing_left(&mut world);
}

#[test]
fn no_more_than_1024_lookups_wait() {
    let (mut world, results) = world();
    world.memory.set_lookup_time(Duration::MAX);
    let waiting: Vec<_> = (0..1024).map(|host| world.reactor.resolve(&format!("host{host}"))).collect();
    world.settle();
    results.resolve(&world, "one.more");
    // Those who share a lookup are no more lookups.
    let shares = world.reactor.resolve("host7");
    world.settle();
    assert_eq!(results.only_error(), "resolving \"one.more\": 1024 other lookups are waiting already");
    assert_eq!(world.memory.lookups(), 1024);
    drop((waiting, shares));
}

#[test]
fn stopping_and_draining_end_lookups() {
    let (mut world, results) = world();
    results.resolve(&world, "example.org");
    world.settle();
    drop(world.reactor.drain(SECOND));
    world.settle();
    assert_eq!(results.only_error(), "resolving \"example.org\": cancelled");

    results.resolve(&world, "example.org");
    world.settle();
    world.reactor.stop();
    world.settle();
    assert_eq!(results.only_error(), "resolving \"example.org\": the reactor stopped");
    assert_eq!(world.reactor.stats().timers, 0);
}

#[test]
fn a_lookup_from_within_the_shutdown_ends_with_it() {
    let (mut world, results) = world();
    let heard = results.clone();
    let memory = world.memory.clone();
    world.reactor.add_trigger(ropewalk::When::AfterShutdown, move |reactor| {
        reactor.resolve("example.org").then(move |result| {
            heard.0.borrow_mut().push((result, (memory.now() - Instant::ZERO).as_millis()));
        });
    });
    world.settle();
    world.reactor.stop();
    world.settle();
    assert_eq!(results.only_error(), "resolving \"example.org\": the reactor stopped");
}

#[test]
fn a_reactor_that_is_gone_keeps_nobody() {
    let (mut world, _) = world();
    let kept = Rc::new(());
    let held = Rc::clone(&kept);
    world.reactor.resolve("example.org").then(move |_| drop(held));
    world.settle();
    let handle = world.reactor.handle();
    drop(world);
    assert_eq!(Rc::strong_count(&kept), 1);
    let held = Rc::clone(&kept);
    handle.resolve("example.org").then(move |_| drop(held));
    assert_eq!(Rc::strong_count(&kept), 1);
}

/// Counts, and answers when the test says so.
#[derive(Default)]
struct Scripted {
    asked: RefCell<Vec<String>>,
    answers: RefCell<Vec<Resolver<Resolved>>>,
    cancelled: Rc<Cell<usize>>,
}

impl NameResolver for Scripted {
    fn resolve(&self, reactor: &ReactorHandle, name: &str) -> Deferred<Resolved> {
        self.asked.borrow_mut().push(name.to_owned());
        match name {
            "panics" => panic!("as the test wants"),
            "system" => return SystemResolver.resolve(reactor, "example.org"),
            "myself" => return reactor.resolve_within("myself", SECOND),
            "clings" => {
                let (deferred, resolver) = Deferred::new(reactor);
                deferred.on_cancel(|| panic!("as the test wants"));
                self.answers.borrow_mut().push(resolver);
                return deferred;
            }
            _ => {}
        }
        let (deferred, resolver) = Deferred::new(reactor);
        let cancelled = Rc::clone(&self.cancelled);
        deferred.on_cancel(move || cancelled.set(cancelled.get() + 1));
        self.answers.borrow_mut().push(resolver);
        deferred
    }
}

fn scripted() -> (World, Results, Rc<Scripted>) {
    let (world, results) = world();
    let resolver = Rc::new(Scripted::default());
    world.reactor.set_name_resolver(Rc::clone(&resolver) as Rc<dyn NameResolver>);
    (world, results, resolver)
}

#[test]
fn another_resolver_can_be_set_and_is_asked_by_the_loop_alone() {
    let (mut world, results, resolver) = scripted();
    for _ in 0..3 {
        results.resolve(&world, "some.name");
    }
    results.resolve(&world, "localhost");
    assert!(resolver.asked.borrow().is_empty());
    world.settle();
    assert_eq!(*resolver.asked.borrow(), ["some.name"]);
    assert_eq!(results.only().0.unwrap().len(), 2);
    resolver.answers.borrow_mut().remove(0).resolve(Ok(vec![ADDRESS]));
    world.settle();
    assert_eq!(results.count(), 3);
    assert_eq!(world.memory.lookups(), 0);
    assert_nothing_left(&mut world);
}

#[test]
fn a_resolver_hears_that_nobody_waits_any_more() {
    let (mut world, results, resolver) = scripted();
    let (first, second) = (world.reactor.resolve("some.name"), world.reactor.resolve("some.name"));
    world.settle();
    first.cancel();
    assert_eq!(resolver.cancelled.get(), 0);
    second.cancel();
    assert_eq!(resolver.cancelled.get(), 1);
    results.resolve(&world, "some.name");
    world.run_for(20 * SECOND);
    assert_eq!(results.only().1, 10_000);
    assert_eq!(resolver.cancelled.get(), 2);
    results.resolve(&world, "some.name");
    world.settle();
    world.reactor.stop();
    world.settle();
    assert_eq!(resolver.cancelled.get(), 3);
}

#[test]
fn a_resolver_may_ask_the_system_or_in_vain_itself() {
    let (mut world, results, _) = scripted();
    results.resolve(&world, "system");
    world.run_for(SECOND);
    assert_eq!(results.only().0.unwrap(), [ADDRESS]);
    results.resolve(&world, "myself");
    world.run_for(20 * SECOND);
    assert!(matches!(results.only().0, Err(ResolveError::TimedOut { .. })));
    assert_nothing_left(&mut world);
}

#[test]
fn a_resolver_that_panics_or_forgets_fails_the_lookup() {
    let (mut world, results, resolver) = scripted();
    results.resolve(&world, "panics");
    world.settle();
    assert_eq!(results.only_error(), "resolving \"panics\": the name resolver panicked");
    assert_eq!(world.reactor.stats().panics, 1);
    results.resolve(&world, "forgotten");
    world.settle();
    resolver.answers.borrow_mut().clear();
    world.run_for(20 * SECOND);
    assert!(matches!(results.only().0, Err(ResolveError::TimedOut { .. })));
}

#[test]
fn a_resolver_that_panics_when_it_is_cancelled_harms_nobody_who_waited() {
    let (mut world, results, resolver) = scripted();
    let lookup = world.reactor.resolve("clings");
    world.settle();
    assert_eq!(resolver.answers.borrow().len(), 1);
    lookup.cancel();
    assert_eq!(world.reactor.stats().panics, 1);
    results.hear(&world, lookup);
    world.settle();
    assert_eq!(results.only_error(), "resolving \"clings\": cancelled");
}
