//! Names, looked up by threads that do nothing else.

use std::cell::RefCell;
use std::collections::BTreeSet;
use std::io;
use std::net::IpAddr;
use std::rc::Rc;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::{Duration, Instant};

use super::super::lookups::{LOOKUP_THREADS, LOOKUP_THREADS_MAX, Lookups, explain};
use super::super::workers::MAX_THREADS;
use super::{MioDriver, PATIENCE};
use crate::{Deferred, Reactor, ResolveError};

const ADDRESS: IpAddr = IpAddr::V4(std::net::Ipv4Addr::new(192, 0, 2, 1));

/// Long enough to begin, short enough to wait for.
const SHORT: Duration = Duration::from_millis(50);

type Resolved = Result<Vec<IpAddr>, ResolveError>;

/// A system in which names that begin with `stuck` have no answer before it is let go; each lookup is told of.
struct System {
    /// The names that were begun, each with its thread.
    begun: Receiver<(String, String)>,
    /// Dropped, it answers everything.
    let_go: Option<Sender<()>>,
    /// Lives as long as the lookups that hold it.
    held: std::sync::Weak<()>,
}

fn system() -> (Reactor, System) {
    let (begin, begun) = channel();
    let (let_go, stuck) = channel::<()>();
    // As many as wait for the lock are let go one after the other.
    let stuck = Mutex::new(stuck);
    let begin = Mutex::new(begin);
    let holds = Arc::new(());
    let held = Arc::downgrade(&holds);
    let look_up = move |name: &str| {
        let _ = &holds;
        let thread = thread::current().name().unwrap().to_owned();
        // The test may be over.
        let _ = begin.lock().unwrap().send((name.to_owned(), thread));
        if name.starts_with("stuck") {
            stuck.lock().unwrap().recv().unwrap_err();
        }
        Ok(vec![ADDRESS])
    };
    let mut driver = MioDriver::new().unwrap();
    driver.lookups = Lookups::by(look_up);
    (Reactor::with_driver(Box::new(driver)), System { begun, let_go: Some(let_go), held })
}

fn outcome(deferred: Deferred<Resolved>) -> Rc<RefCell<Option<Resolved>>> {
    let outcome = Rc::new(RefCell::new(None));
    let found = Rc::clone(&outcome);
    deferred.then(move |result| *found.borrow_mut() = Some(result));
    outcome
}

#[track_caller]
fn run_until(reactor: &mut Reactor, mut done: impl FnMut() -> bool) {
    let end = Instant::now() + PATIENCE;
    while !done() {
        assert!(Instant::now() < end, "in vain");
        let _ = reactor.run_once(Some(Duration::from_millis(2))).unwrap();
    }
}

#[track_caller]
fn wait(reactor: &mut Reactor, deferred: Deferred<Resolved>) -> Resolved {
    let outcome = outcome(deferred);
    run_until(reactor, || outcome.borrow().is_some());
    let result = outcome.take();
    result.unwrap()
}

#[test]
fn busy_workers_do_not_delay_names() {
    let (mut reactor, system) = system();
    let (release, blocked) = channel::<()>();
    let blocked = Arc::new(Mutex::new(blocked));
    for _ in 0..2 * MAX_THREADS {
        let blocked = Arc::clone(&blocked);
        drop(reactor.run_in_thread(move || blocked.lock().unwrap().recv()));
    }
    let attempt = reactor.resolve("example.org");
    assert_eq!(wait(&mut reactor, attempt).unwrap(), [ADDRESS]);
    let begun = system.begun.recv_timeout(PATIENCE).unwrap();
    assert_eq!(begun, ("example.org".into(), "ropewalk-names-1".into()));
    drop(release);
}

#[test]
fn stuck_lookups_do_not_delay_work() {
    let (mut reactor, _system) = system();
    for number in 0..2 * LOOKUP_THREADS {
        drop(reactor.resolve(&format!("stuck{number}")));
    }
    let done = Rc::new(RefCell::new(false));
    let seen = Rc::clone(&done);
    reactor.run_in_thread(|| ()).then(move |_| *seen.borrow_mut() = true);
    run_until(&mut reactor, || *done.borrow());
}

#[test]
fn only_a_few_threads_look_names_up() {
    let (mut reactor, mut system) = system();
    let attempts: Vec<_> =
        (0..50).map(|number| outcome(reactor.resolve(&format!("stuck{number}")))).collect();
    let mut begun = Vec::new();
    run_until(&mut reactor, || {
        begun.extend(system.begun.try_iter());
        begun.len() >= LOOKUP_THREADS
    });
    assert!(system.begun.recv_timeout(SHORT).is_err(), "others wait");
    system.let_go = None;
    run_until(&mut reactor, || attempts.iter().all(|attempt| attempt.borrow().is_some()));
    begun.extend(system.begun.try_iter());
    let threads: BTreeSet<_> = begun.iter().map(|(_, thread)| thread).collect();
    assert_eq!((begun.len(), threads.len()), (50, LOOKUP_THREADS));
}

/// Has a thread begin a lookup that is then given up.
#[track_caller]
fn get_stuck(reactor: &mut Reactor, system: &System, number: usize) {
    let attempt = reactor.resolve(&format!("stuck{number}"));
    run_until(reactor, || system.begun.try_recv().is_ok());
    attempt.cancel();
}

#[test]
fn lookups_that_are_stuck_and_given_up_do_not_block_others() {
    let (mut reactor, system) = system();
    for number in 0..LOOKUP_THREADS {
        get_stuck(&mut reactor, &system, number);
    }
    let attempt = reactor.resolve("example.org");
    assert_eq!(wait(&mut reactor, attempt).unwrap(), [ADDRESS]);
}

#[test]
fn there_is_an_end_to_the_threads_that_stand_in() {
    let (mut reactor, mut system) = system();
    for number in 0..LOOKUP_THREADS_MAX {
        get_stuck(&mut reactor, &system, number);
    }
    let attempt = reactor.resolve_within("too.late", SHORT);
    assert!(matches!(wait(&mut reactor, attempt), Err(ResolveError::TimedOut { .. })));
    let in_time = outcome(reactor.resolve("in.time"));
    system.let_go = None;
    run_until(&mut reactor, || in_time.borrow().is_some());
    let begun: Vec<_> = system.begun.try_iter().map(|(name, _)| name).collect();
    assert_eq!(begun, ["in.time"], "what nobody waits for any more never begins");
}

#[test]
fn a_dropped_reactor_leaves_lookups_to_their_end() {
    let (mut reactor, mut system) = system();
    for number in 0..LOOKUP_THREADS {
        drop(reactor.resolve(&format!("stuck{number}")));
    }
    let waiting = outcome(reactor.resolve("waits"));
    let mut begun = 0;
    run_until(&mut reactor, || {
        begun += system.begun.try_iter().count();
        begun == LOOKUP_THREADS
    });
    drop(reactor);
    assert_eq!(Rc::strong_count(&waiting), 1, "nobody waits any more");
    system.let_go = None;
    let end = Instant::now() + PATIENCE;
    while system.held.upgrade().is_some() {
        assert!(Instant::now() < end, "a lookup is still there");
        thread::sleep(Duration::from_millis(1));
    }
    assert_eq!(system.begun.try_iter().count(), 0, "what had not begun never does");
}

#[test]
fn the_system_knows_no_invalid_name() {
    let mut reactor = Reactor::new().unwrap();
    // RFC 6761 §6.4. Where there is no network nobody can tell.
    let attempt = reactor.resolve_within("ropewalk.invalid", PATIENCE / 2);
    let error = wait(&mut reactor, attempt).unwrap_err();
    assert!(error.to_string().starts_with("resolving \"ropewalk.invalid\": "), "{error}");
    assert!(!matches!(error, ResolveError::Failed { .. }), "{error}");
}

/// A name other than `localhost` that this host's own table has.
#[cfg(target_os = "linux")]
fn name_in_hosts() -> Option<(String, IpAddr)> {
    let table = std::fs::read_to_string("/etc/hosts").ok()?;
    table.lines().find_map(|line| {
        let mut words = line.split('#').next()?.split_whitespace();
        let address = words.next()?.parse().ok()?;
        let name = words.find(|name| {
            crate::check_host_name(name).is_ok() && !name.to_ascii_lowercase().contains("localhost")
        })?;
        Some((name.to_owned(), address))
    })
}

#[cfg(target_os = "linux")]
#[test]
fn the_hosts_of_this_system_are_heeded() {
    let Some((name, address)) = name_in_hosts() else {
        return;
    };
    let mut reactor = Reactor::new().unwrap();
    let attempt = reactor.resolve(&name);
    let addresses = wait(&mut reactor, attempt).unwrap();
    assert!(addresses.contains(&address), "{name}: {addresses:?}");
}

#[test]
fn what_systems_say_is_understood() {
    let explained = |text: &str| explain("name", io::Error::other(format!("failed to lookup: {text}")));
    for text in ["Name or service not known", "nodename nor servname provided, or not known"] {
        assert!(matches!(explained(text), ResolveError::NotFound { .. }), "{text}");
    }
    let temporary = explained("Temporary failure in name resolution");
    assert_eq!(
        temporary.to_string(),
        "resolving \"name\": temporary failure: failed to lookup: Temporary failure in name resolution"
    );
    let failed = explained("Non-recoverable failure in name resolution");
    assert!(matches!(failed, ResolveError::Failed { .. }));
}
