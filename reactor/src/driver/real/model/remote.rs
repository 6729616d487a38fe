//! What other threads post.

use std::time::Duration;

use super::{Fate, Ledger, Outcomes, Thing, in_every_order};
use crate::sync::thread;
use crate::{ReactorGone, ReactorHandle, Remote};

/// Posts `things`, each of which ends the reactor's run if it is heard as the last of `all`.
fn post(remote: &Remote, ledger: &Ledger, thing: usize, all: usize) -> Result<(), ReactorGone> {
    let thing = Thing::new(thing, ledger);
    remote.post(move |reactor: &ReactorHandle| {
        thing.heard();
        if thing.ledger.things(Fate::Heard).len() == all {
            reactor.stop();
        }
    })
}

#[test]
fn all_posts_are_heard_once_and_those_of_a_thread_in_order() {
    in_every_order(|mut reactor| {
        let ledger = Ledger::default();
        let threads = [[1, 2], [11, 12]].map(|things| {
            let (remote, ledger) = (reactor.remote(), ledger.clone());
            thread::spawn(move || things.map(|thing| post(&remote, &ledger, thing, 4).unwrap()))
        });
        reactor.run().unwrap();
        let heard = ledger.things(Fate::Heard);
        for of_thread in [[1, 2], [11, 12]] {
            assert!(heard.iter().filter(|thing| of_thread.contains(thing)).eq(&of_thread), "{heard:?}");
        }
        assert_eq!(heard.len(), 4);
        for thread in threads {
            thread.join().unwrap();
        }
    });
}

#[test]
fn a_post_to_a_loop_that_does_other_things_is_heard() {
    in_every_order(|mut reactor| {
        let ledger = Ledger::default();
        let (remote, noted) = (reactor.remote(), ledger.clone());
        let thread = thread::spawn(move || post(&remote, &noted, 1, 2).unwrap());
        // The loop posts to itself, and the turns it makes meanwhile do not wait.
        post(&reactor.remote(), &ledger, 2, 2).unwrap();
        reactor.call_later(Duration::ZERO, |_| {});
        reactor.run().unwrap();
        assert_eq!(ledger.things(Fate::Heard).len(), 2);
        thread.join().unwrap();
    });
}

#[test]
fn a_post_to_a_reactor_that_stops_is_heard_when_it_is_run_again() {
    in_every_order(|mut reactor| {
        let ledger = Ledger::default();
        let (remote, noted) = (reactor.remote(), ledger.clone());
        reactor.stop();
        let thread = thread::spawn(move || post(&remote, &noted, 1, 1).unwrap());
        reactor.run().unwrap();
        if ledger.things(Fate::Heard).is_empty() {
            reactor.run().unwrap();
        }
        assert_eq!(ledger.things(Fate::Heard), [1]);
        thread.join().unwrap();
    });
}

#[test]
fn what_is_posted_while_the_reactor_ends_is_dropped_once_and_by_whom_it_should() {
    let outcomes = Outcomes::new();
    let outcome = outcomes.clone();
    in_every_order(move |mut reactor| {
        let ledger = Ledger::default();
        let threads = [[1, 2], [11, 12]].map(|things| {
            let (remote, ledger) = (reactor.remote(), ledger.clone());
            thread::spawn(move || things.map(|thing| post(&remote, &ledger, thing, usize::MAX).is_ok()))
        });
        let remote = reactor.remote();
        // One turn without waiting, so that each may be heard, or be left in the queue, or come too late.
        let _ = reactor.run_once(Some(Duration::ZERO)).unwrap();
        drop(reactor);
        let heard = ledger.things(Fate::Heard);
        assert_eq!(post(&remote, &ledger, 0, usize::MAX), Err(ReactorGone));
        for (thread, things) in threads.into_iter().zip([[1, 2], [11, 12]]) {
            let poster = thread.thread().id();
            let accepted = thread.join().unwrap();
            assert!(accepted[0] || !accepted[1], "accepted after the end");
            for (thing, accepted) in things.into_iter().zip(accepted) {
                let owner = if accepted { thread::current().id() } else { poster };
                assert_eq!(ledger.dropped_in(thing), owner, "{thing} was accepted: {accepted}");
                outcome.add((accepted, heard.contains(&thing)));
            }
        }
        assert_eq!(ledger.things(Fate::Heard), heard, "nothing is heard after the end");
    });
    let (refused, left, heard) = ((false, false), (true, false), (true, true));
    assert_eq!(outcomes.all(), [refused, left, heard]);
}

/// What is posted may post when it is dropped, from either side.
#[test]
fn a_post_whose_destructor_posts_locks_nobody_out() {
    struct Again(Remote, Ledger);

    impl Drop for Again {
        fn drop(&mut self) {
            let _ = post(&self.0, &self.1, 2, usize::MAX);
        }
    }

    in_every_order(|reactor| {
        let ledger = Ledger::default();
        let remote = reactor.remote();
        let again = Again(remote.clone(), ledger.clone());
        let thread = thread::spawn(move || {
            let _ = remote.post(move |_| drop(again));
        });
        drop(reactor);
        thread.join().unwrap();
        ledger.dropped_in(2);
    });
}
