//! Reactors and threads: several reactors, running again, and messages from other threads.
#![allow(clippy::unwrap_used, reason = "in a test a panic is the report")]

mod support;

use std::cell::{Cell, RefCell};
use std::io::{Read, Write};
use std::rc::Rc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, mpsc};
use std::thread;
use std::time::Duration;

use ropewalk::{ConnectOptions, Reactor, ReactorGone, Remote, ThreadError};
use support::{Event, Log, Probe, dial, listen, open_port, run_until, settle, socket_address};

/// A reactor in a thread of its own with an echo server; stopped by the remote.
fn echo_in_a_thread() -> (std::net::SocketAddr, Remote, thread::JoinHandle<u64>) {
    let (sender, receiver) = mpsc::channel();
    let thread = thread::spawn(move || {
        let mut reactor = Reactor::new().unwrap();
        let address = listen(&reactor, Probe::echo(&Log::default()).factory());
        sender.send((address, reactor.remote())).unwrap();
        reactor.run().unwrap();
        reactor.stats().bytes_in
    });
    let (address, remote) = receiver.recv().unwrap();
    (address, remote, thread)
}

#[test]
fn reactors_in_different_threads_talk_to_each_other() {
    let (address, remote, server) = echo_in_a_thread();
    let clients: Vec<_> = (0..3)
        .map(|number| {
            thread::spawn(move || {
                let mut reactor = Reactor::new().unwrap();
                let log = Log::default();
                let probe = Probe::new(&log).on_made(move |transport| {
                    (0..100).for_each(|line| transport.write(format!("{number}:{line:03};")));
                });
                drop(reactor.connect(address, &ConnectOptions::default(), probe.factory()));
                run_until(&mut reactor, "the echo", || log.received() == 600);
                let expected: String = (0..100).map(|line| format!("{number}:{line:03};")).collect();
                assert_eq!(log.data(), expected.as_bytes());
            })
        })
        .collect();
    for client in clients {
        client.join().unwrap();
    }
    // Stopped from another thread; then nobody is there any more.
    remote.post(|reactor| reactor.stop()).unwrap();
    assert_eq!(server.join().unwrap(), 1800);
    assert_eq!(remote.post(|_| ()), Err(ReactorGone));
}

#[test]
fn two_reactors_in_one_thread_take_turns() {
    let (mut first, mut second) = (Reactor::new().unwrap(), Reactor::new().unwrap());
    let (server, client) = (Log::default(), Log::default());
    let address = listen(&first, Probe::echo(&server).factory());
    let probe = Probe::new(&client).on_made(|transport| transport.write("hello"));
    drop(second.connect(address, &ConnectOptions::default(), probe.factory()));
    run_until(&mut second, "the echo", || {
        settle(&mut first);
        client.data() == b"hello"
    });
}

#[test]
fn run_stop_and_run_again() {
    let mut reactor = Reactor::new().unwrap();
    let log = Log::default();
    let port = open_port(&reactor, Probe::echo(&log).factory());
    let address = socket_address(port.address());
    for round in 1..=3 {
        let mut stream = dial(address);
        stream.write_all(b"hello").unwrap();
        let (heard, handle) = (log.clone(), reactor.handle());
        let stopping = reactor.call_every(Duration::from_millis(1), move |_| {
            if heard.received() == round * 5 {
                handle.stop();
            }
        });
        reactor.run().unwrap();
        stopping.stop();
        assert!(!reactor.is_running());
        assert_eq!(log.losses(), round);
        assert_eq!(log.lost().as_deref(), Some("the reactor stopped"));
        // What was written before stopping has been sent; ports are closed until they are started again.
        let mut answer = [0; 5];
        stream.read_exact(&mut answer).unwrap();
        assert!(!port.is_listening());
        assert!(std::net::TcpStream::connect(address).is_err());
        port.start().unwrap();
    }
    assert_eq!(reactor.stats().connections, 0);
}

#[test]
fn what_is_posted_between_two_runs_is_done_in_the_second() {
    let mut reactor = Reactor::new().unwrap();
    let remote = reactor.remote();
    remote.post(|reactor| reactor.stop()).unwrap();
    reactor.run().unwrap();
    let (sender, heard) = mpsc::channel();
    thread::spawn(move || {
        remote.post(move |_| sender.send("heard").unwrap()).unwrap();
        remote.post(|reactor| reactor.stop()).unwrap();
    });
    reactor.run().unwrap();
    assert_eq!(heard.try_recv(), Ok("heard"));
}

#[test]
fn s77_posts_of_eight_threads_arrive_in_order_of_each() {
    const POSTS: usize = 10_000;
    let mut reactor = Reactor::new().unwrap();
    thread_local! {
        static HEARD: RefCell<Vec<Vec<usize>>> = RefCell::new(vec![Vec::new(); 8]);
    }
    let threads: Vec<_> = (0..8)
        .map(|number| {
            let remote = reactor.remote();
            thread::spawn(move || {
                for post in 0..POSTS {
                    let hear = move |_: &_| HEARD.with_borrow_mut(|heard| heard[number].push(post));
                    remote.post(hear).unwrap();
                }
            })
        })
        .collect();
    run_until(&mut reactor, "all posts", || {
        HEARD.with_borrow(|heard| heard.iter().map(Vec::len).sum::<usize>() == 8 * POSTS)
    });
    for thread in threads {
        thread.join().unwrap();
    }
    let expected: Vec<_> = (0..POSTS).collect();
    HEARD.with_borrow(|heard| assert!(heard.iter().all(|posts| *posts == expected)));
}

#[test]
fn many_posts_wake_the_loop_once() {
    let mut reactor = Reactor::new().unwrap();
    settle(&mut reactor);
    let remote = reactor.remote();
    let heard = Arc::new(AtomicUsize::new(0));
    let counter = Arc::clone(&heard);
    let posting = move || {
        for _ in 0..1000 {
            let counter = Arc::clone(&counter);
            let count = move |_: &_| {
                counter.fetch_add(1, Ordering::Relaxed);
            };
            remote.post(count).unwrap();
        }
    };
    thread::spawn(posting).join().unwrap();
    let _ = reactor.run_once(Some(support::PATIENCE)).unwrap();
    assert_eq!(heard.load(Ordering::Relaxed), 1000, "one turn hears them all");
    let turns = reactor.stats().turns;
    let _ = reactor.run_once(Some(Duration::from_millis(50))).unwrap();
    assert_eq!(reactor.stats().turns, turns + 1);
}

#[test]
fn s77_what_a_post_posts_comes_in_a_later_turn_and_a_panic_harms_nobody() {
    let mut reactor = Reactor::new().unwrap();
    let (sender, heard) = mpsc::channel();
    let later = sender.clone();
    let remote = reactor.remote();
    remote.post(|_| panic!("the first")).unwrap();
    remote
        .post(move |reactor| {
            reactor.remote().post(move |_| later.send("later").unwrap()).unwrap();
            sender.send("now").unwrap();
        })
        .unwrap();
    let _ = reactor.run_once(Some(support::PATIENCE)).unwrap();
    assert_eq!(heard.try_iter().collect::<Vec<_>>(), ["now"]);
    let _ = reactor.run_once(Some(support::PATIENCE)).unwrap();
    assert_eq!(heard.try_iter().collect::<Vec<_>>(), ["later"]);
    assert_eq!(reactor.stats().panics, 1);
}

#[test]
fn events_from_a_thread_reach_a_connection_while_it_lives() {
    let mut reactor = Reactor::new().unwrap();
    let log = Log::default();
    let address = listen(&reactor, Probe::new(&log).factory());
    let stream = dial(address);
    run_until(&mut reactor, "connected", || log.has(&Event::Made));
    let (id, remote) = (log.transport().id(), reactor.remote());
    let posting = remote.clone();
    thread::spawn(move || {
        (0..3).for_each(|number| posting.post_event(id, number.to_string()).unwrap());
    });
    run_until(&mut reactor, "the events", || log.events().len() == 4);
    let posted = ["0", "1", "2"].map(|text| Event::Posted(text.into()));
    assert_eq!(log.events()[1..], posted);
    drop(stream);
    run_until(&mut reactor, "the loss", || log.losses() == 1);
    // To a lost connection, and to whoever has its place in the table now: nobody hears it.
    let _successor = dial(address);
    run_until(&mut reactor, "the successor", || log.transports().len() == 2);
    let heard = log.events().len();
    remote.post_event(id, String::from("too late")).unwrap();
    settle(&mut reactor);
    assert_eq!(log.events().len(), heard);
    drop(reactor);
    assert_eq!(remote.post_event(id, String::from("far too late")), Err(ReactorGone));
}

#[test]
fn work_in_threads_gives_results_panics_and_cancellations() {
    let mut reactor = Reactor::new().unwrap();
    let results: Rc<RefCell<Vec<String>>> = Rc::default();
    let note = |results: &Rc<RefCell<Vec<String>>>| {
        let results = Rc::clone(results);
        move |result: Result<i32, ThreadError>| {
            results.borrow_mut().push(match result {
                Ok(value) => value.to_string(),
                Err(error) => error.to_string(),
            });
        }
    };
    reactor.run_in_thread(|| 6 * 7).then(note(&results));
    run_until(&mut reactor, "the result", || results.borrow().len() == 1);
    reactor.run_in_thread(|| panic!("divided by zero")).then(note(&results));
    run_until(&mut reactor, "the panic", || results.borrow().len() == 2);
    // It runs until it is let go; its result is not waited for.
    let (release, released) = mpsc::channel::<()>();
    let work = reactor.run_in_thread(move || released.recv().map_or(0, |()| 1));
    work.cancel();
    work.then(note(&results));
    run_until(&mut reactor, "the cancellation", || results.borrow().len() == 3);
    release.send(()).ok();
    settle(&mut reactor);
    let expected = ["42", "the work panicked: divided by zero", "the work was cancelled"];
    assert_eq!(*results.borrow(), expected);
}

#[test]
fn more_work_than_threads_is_all_done() {
    let mut reactor = Reactor::new().unwrap();
    let sum = Rc::new(Cell::new(0));
    for number in 1..=100 {
        let sum = Rc::clone(&sum);
        reactor.run_in_thread(move || number).then(move |result| sum.set(sum.get() + result.unwrap()));
    }
    run_until(&mut reactor, "all is done", || sum.get() == 5050);
}

#[test]
fn a_reactor_is_dropped_while_work_runs() {
    let reactor = Reactor::new().unwrap();
    let (release, released) = mpsc::channel::<()>();
    let (done, finished) = mpsc::channel();
    let (started, begun) = mpsc::channel();
    let work = reactor.run_in_thread(move || {
        started.send(()).unwrap();
        released.recv().unwrap();
        done.send(()).unwrap();
    });
    let token = Rc::new(());
    let held = Rc::clone(&token);
    work.then(move |_| drop(held));
    begun.recv_timeout(support::PATIENCE).unwrap();
    drop(reactor);
    // What waited for the result is gone with the reactor; the work goes on to its end.
    assert_eq!(Rc::strong_count(&token), 1);
    release.send(()).unwrap();
    finished.recv_timeout(support::PATIENCE).unwrap();
}

#[test]
fn a_result_whose_destructor_panics_ends_nothing() {
    struct Bomb;
    impl Drop for Bomb {
        fn drop(&mut self) {
            assert!(thread::panicking(), "the bomb went off");
        }
    }
    let mut reactor = Reactor::new().unwrap();
    // Nobody waits for it, so the loop drops it.
    drop(reactor.run_in_thread(|| Bomb));
    let handle = reactor.handle();
    run_until(&mut reactor, "the bomb", || handle.stats().panics == 1);
}
