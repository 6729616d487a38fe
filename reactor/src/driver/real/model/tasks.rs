//! Tasks woken from other threads.

use std::future::poll_fn;
use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex};
use std::task::{Poll, Waker};

use loom::sync::atomic::AtomicUsize;

use super::{Ledger, Thing, in_every_order};
use crate::sync::thread::{self, JoinHandle};

/// A future that is ready when some threads, which it starts when it is polled first, have each counted and then woken it.
/// The count orders nothing but itself, so it is the wake that has to make it visible.
struct Counted {
    count: Arc<AtomicUsize>,
    threads: Vec<JoinHandle<()>>,
}

impl Counted {
    fn new() -> Self {
        Self { count: Arc::default(), threads: Vec::new() }
    }

    fn poll(&mut self, waker: &Waker, threads: usize) -> Poll<()> {
        while self.threads.len() < threads {
            let (count, waker) = (Arc::clone(&self.count), waker.clone());
            self.threads.push(thread::spawn(move || {
                count.fetch_add(1, Ordering::Relaxed);
                waker.wake();
            }));
        }
        if self.count.load(Ordering::Relaxed) == threads { Poll::Ready(()) } else { Poll::Pending }
    }
}

#[test]
fn no_wake_of_a_task_is_lost() {
    in_every_order(|mut reactor| {
        let handle = reactor.handle();
        let mut counted = Counted::new();
        let task = async move {
            poll_fn(|context| counted.poll(context.waker(), 2)).await;
            handle.stop();
        };
        reactor.spawn(task).detach();
        reactor.run().unwrap();
    });
}

#[test]
fn two_tasks_woken_by_two_threads_both_end() {
    in_every_order(|mut reactor| {
        let ended = std::rc::Rc::new(std::cell::Cell::new(0));
        for _ in 0..2 {
            let (handle, ended) = (reactor.handle(), ended.clone());
            let mut counted = Counted::new();
            let task = async move {
                poll_fn(|context| counted.poll(context.waker(), 1)).await;
                ended.set(ended.get() + 1);
                if ended.get() == 2 {
                    handle.stop();
                }
            };
            reactor.spawn(task).detach();
        }
        reactor.run().unwrap();
        assert_eq!(ended.get(), 2);
    });
}

#[test]
fn a_task_that_is_woken_while_the_reactor_ends_is_dropped_by_the_loop() {
    in_every_order(|mut reactor| {
        let ledger = Ledger::default();
        let (thing, wakers) = (Thing::new(1, &ledger), Arc::new(Mutex::new(None)));
        let kept = Arc::clone(&wakers);
        let task = poll_fn(move |context| {
            let _ = &thing;
            *kept.lock().unwrap() = Some(context.waker().clone());
            Poll::<()>::Pending
        });
        reactor.spawn(task).detach();
        let _ = reactor.run_once(Some(std::time::Duration::ZERO)).unwrap();
        let waker = wakers.lock().unwrap().take().unwrap();
        let thread = thread::spawn(move || waker.wake());
        let _ = reactor.run_once(Some(std::time::Duration::ZERO)).unwrap();
        drop(reactor);
        assert_eq!(ledger.dropped_in(1), thread::current().id());
        thread.join().unwrap();
        assert_eq!(ledger.dropped_in(1), thread::current().id());
    });
}
