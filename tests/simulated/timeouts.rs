//! Timeouts: when exactly they come, and that none comes early, however late a host wakes up.

use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::time::Duration;

use ropewalk::simulation::{Faults, Host, Link, Simulation, simulate};
use ropewalk::{ConnectOptions, Deadline, IdleTimeout, Instant, Policy};

use crate::people::{PORT, idle};
use crate::witness::{MILLISECOND, Manner, Pair, SECOND, Witness, at, chance, exact, roll, serve};

/// When and how an attempt to connect ended; no error if a connection stands.
type Outcome = Rc<RefCell<Option<(Instant, Option<String>)>>>;

/// Begins an attempt with this timeout.
fn attempt(simulation: &mut Simulation, client: &Host, server: &Host, timeout: Duration) -> Outcome {
    let (outcome, reactor) = (Outcome::default(), simulation.reactor(client).clone());
    let mut options = ConnectOptions::default();
    options.timeout = timeout;
    let (ended, clock) = (Rc::clone(&outcome), reactor.clone());
    let factory = Witness::default().factory(Manner::Quiet);
    reactor.connect((server.address(), PORT), &options, factory).then(move |result| {
        let error = result.err().map(|error| error.to_string());
        assert!(ended.replace(Some((clock.now(), error))).is_none(), "an attempt ends once");
    });
    outcome
}

fn server_and_client(seed: u64) -> (Simulation, Host, Host) {
    let mut simulation = Simulation::new(seed);
    simulation.set_default_link(exact(MILLISECOND));
    let served = Witness::default();
    let server =
        serve(&mut simulation, "server", &served, |served, _| Rc::new(served.factory(Manner::Quiet)));
    let client = simulation.host("client", idle);
    (simulation, server, client)
}

#[test]
fn an_attempt_that_nobody_answers_ends_on_time() {
    for timeout in [Duration::ZERO, MILLISECOND, Duration::from_nanos(1_234_567_891), 30 * SECOND] {
        let (mut simulation, server, client) = server_and_client(1);
        simulation.crash(&server);
        simulation.run_for(SECOND);
        let outcome = attempt(&mut simulation, &client, &server, timeout);
        simulation.run_for(60 * SECOND);
        let (time, error) = outcome.take().unwrap();
        assert_eq!(time, at(SECOND + timeout));
        assert!(error.unwrap().ends_with(&format!("no answer within {timeout:?}")));
    }
}

#[test]
fn the_time_of_an_attempt_runs_from_the_call() {
    let (mut simulation, server, client) = server_and_client(2);
    simulation.crash(&server);
    simulation.run_for(SECOND);
    let short = attempt(&mut simulation, &client, &server, 5 * SECOND);
    let long = attempt(&mut simulation, &client, &server, 15 * SECOND);
    simulation.suspend(&client, 10 * SECOND);
    simulation.run_for(60 * SECOND);
    assert_eq!(short.take().unwrap().0, at(11 * SECOND), "as soon as it wakes up");
    assert_eq!(long.take().unwrap().0, at(16 * SECOND));
}

#[test]
fn an_answer_that_came_while_the_host_slept_came_in_time() {
    let (mut simulation, server, client) = server_and_client(3);
    let outcome = attempt(&mut simulation, &client, &server, SECOND);
    simulation.run_for(MILLISECOND);
    simulation.suspend(&client, 10 * SECOND);
    simulation.run_for(60 * SECOND);
    assert_eq!(outcome.take(), Some((at(10 * SECOND + MILLISECOND), None)));
}

#[test]
fn idleness_ends_a_connection_on_time() {
    let mut pair = Pair::behind(4, exact(MILLISECOND), Manner::Quiet, |served, _| {
        Rc::new(IdleTimeout::new(30 * SECOND).around(served.factory(Manner::Echoes)))
    });
    for pause in [10, 29, 30] {
        pair.say("hello");
        pair.simulation.run_for(pause * SECOND);
        assert!(pair.heard.only().transport.is_open());
    }
    let last = pair.served.only().heard.unwrap();
    pair.simulation.run_for(SECOND);
    let (guest, host) = (pair.heard.only(), pair.served.only());
    assert_eq!(guest.finished.unwrap(), last + 30 * SECOND + MILLISECOND);
    assert_eq!(host.lost_at(), last + 30 * SECOND + 2 * MILLISECOND, "a round trip later");
    assert_eq!(host.reason(), "nothing was read or written for 30s");
}

#[test]
fn what_came_while_the_host_slept_ends_idleness() {
    let mut pair = Pair::behind(5, exact(MILLISECOND), Manner::Quiet, |served, _| {
        Rc::new(IdleTimeout::new(30 * SECOND).around(served.factory(Manner::Quiet)))
    });
    pair.simulation.run_for(5 * SECOND);
    let server = pair.server.clone();
    pair.simulation.suspend(&server, 45 * SECOND);
    pair.simulation.run_for(15 * SECOND);
    pair.say("hello");
    let woken = at(50 * SECOND + 2 * MILLISECOND);
    pair.simulation.run_for(40 * SECOND);
    assert_eq!(pair.served.only().heard, Some(woken));
    assert!(pair.served.only().transport.is_open());
    pair.simulation.run_for(60 * SECOND);
    assert_eq!(pair.heard.only().finished, Some(woken + 30 * SECOND + MILLISECOND));
}

#[test]
fn a_deadline_ends_the_busiest_connection_on_time() {
    let mut pair = Pair::behind(6, exact(MILLISECOND), Manner::Quiet, |served, _| {
        Rc::new(Deadline::new(60 * SECOND).around(served.factory(Manner::Echoes)))
    });
    for _ in 0..650 {
        pair.say("more");
        pair.simulation.run_for(100 * MILLISECOND);
    }
    let (guest, host) = (pair.heard.only(), pair.served.only());
    assert_eq!(guest.finished.unwrap(), host.made + 60 * SECOND + MILLISECOND);
    assert_eq!(host.reason(), "the connection had lasted for 60s");
}

/// A link with little room.
fn narrow() -> Link {
    let mut link = exact(MILLISECOND);
    link.buffer = 1_000;
    link
}

#[test]
fn a_peer_that_reads_nothing_is_given_up_on_time() {
    let mut pair = Pair::new(7, narrow(), Manner::Quiet, Manner::Deaf);
    pair.answer([b'x'; 100_000]);
    let asked = pair.simulation.now();
    pair.simulation.run_for(200 * SECOND);
    // It takes some, and the time begins anew.
    let deaf = pair.heard.only().transport;
    deaf.resume_reading();
    pair.simulation.reactor(&pair.client);
    pair.simulation.run_for(10 * MILLISECOND);
    deaf.pause_reading();
    let count = pair.heard.bytes();
    pair.simulation.run_for(SECOND);
    assert_eq!(pair.heard.bytes(), count);
    assert!(count > 1_000 && count < 100_000, "{count}");
    pair.simulation.run_for(290 * SECOND);
    assert!(pair.served.only().transport.is_open());
    pair.simulation.run_for(60 * SECOND);
    let lost = pair.served.only().lost_at();
    assert_eq!(pair.served.only().reason(), "the peer read none of the waiting output for 300s");
    let resumed = asked + 200 * SECOND;
    assert!(lost > resumed + 300 * SECOND && lost <= resumed + 300 * SECOND + 20 * MILLISECOND, "{lost:?}");
}

#[test]
fn a_partition_ends_a_write_on_time() {
    let mut pair = Pair::new(8, narrow(), Manner::Quiet, Manner::Quiet);
    let (server, client) = (pair.server.clone(), pair.client.clone());
    pair.simulation.partition(&[&server], &[&client]);
    pair.answer([b'x'; 1_001]);
    let asked = pair.simulation.now();
    pair.simulation.run_for(400 * SECOND);
    assert_eq!(pair.served.only().lost_at(), asked + 300 * SECOND);
    assert_eq!(pair.simulation.descriptors(&pair.server), 1, "only the port is left");
}

/// The peer has read everything while the host slept; nobody was stuck.
#[test]
fn sleep_is_no_fault_of_a_peer_that_reads() {
    for extra in [0, 1, 100] {
        let mut pair = Pair::new(9, narrow(), Manner::Quiet, Manner::Quiet);
        pair.answer([b'x'; 5_000]);
        let server = pair.server.clone();
        pair.simulation.run_for(Duration::ZERO);
        pair.simulation.suspend(&server, (300 + extra) * SECOND);
        pair.simulation.run_for(500 * SECOND);
        assert_eq!(pair.heard.bytes(), 5_000, "{:?}", pair.served.only().lost);
        assert!(pair.served.only().transport.is_open());
    }
}

#[test]
fn closing_takes_a_minute_and_no_longer() {
    let mut pair = Pair::new(10, narrow(), Manner::Quiet, Manner::Deaf);
    pair.answer([b'x'; 1_001]);
    pair.simulation.run_for(7 * SECOND);
    pair.served.only().transport.lose_connection();
    let asked = pair.simulation.now();
    pair.simulation.reactor(&pair.server);
    pair.simulation.run_for(100 * SECOND);
    assert_eq!(pair.served.only().lost_at(), asked + 60 * SECOND);
    assert_eq!(pair.served.only().reason(), "closing the connection took longer than 60s");
}

#[test]
fn a_peer_that_does_not_answer_the_end_is_waited_for_two_seconds() {
    let mut pair = Pair::new(11, exact(MILLISECOND), Manner::Quiet, Manner::Quiet);
    let (server, client) = (pair.server.clone(), pair.client.clone());
    pair.simulation.partition(&[&server], &[&client]);
    pair.answer("goodbye");
    pair.served.only().transport.lose_connection();
    let asked = pair.simulation.now();
    pair.simulation.run_for(10 * SECOND);
    assert_eq!(pair.served.only().lost_at(), asked + 2 * SECOND);
    assert!(pair.served.only().was_clean(), "everything was handed over");
    pair.simulation.heal();
    pair.simulation.run_for(60 * SECOND);
    assert_eq!(pair.heard.only().data, b"goodbye");
    assert!(pair.heard.only().finished.is_some());
}

#[test]
fn g9_no_timer_is_early_and_none_is_forgotten() {
    simulate(100, |simulation| {
        let host = simulation.host("host", idle);
        let is_rough = chance(simulation, 0.5);
        if is_rough {
            simulation.set_faults(&host, Faults::rough());
        }
        let rang: Rc<RefCell<Vec<(Instant, Instant)>>> = Rc::default();
        let mut slept = Duration::ZERO;
        for _ in 0..400 {
            let delay = Duration::from_nanos(1 << roll(simulation, 38));
            let (due, rings) = (simulation.now() + delay, Rc::clone(&rang));
            let _ = simulation.reactor(&host).call_later(delay, move |reactor| {
                rings.borrow_mut().push((due, reactor.now()));
            });
            let pause = Duration::from_millis(roll(simulation, 1_000));
            simulation.run_for(pause);
            if chance(simulation, 0.02) {
                simulation.suspend(&host, SECOND);
                slept += SECOND;
            }
        }
        simulation.run_for(1_000 * SECOND);
        assert_eq!(rang.borrow().len(), 400);
        // A poll ends late by up to 10 milliseconds, seldom several in a row.
        let late = slept + if is_rough { 50 * MILLISECOND } else { Duration::ZERO };
        for (due, rang) in rang.take() {
            assert!(rang >= due, "G9: {rang:?} is before {due:?}");
            assert!(rang <= due + late, "{rang:?} is long after {due:?}");
        }
    });
}

#[test]
fn timers_of_a_host_that_is_awake_are_exact() {
    simulate(20, |simulation| {
        let host = simulation.host("host", idle);
        let rang = Rc::new(Cell::new(0));
        for _ in 0..1_000 {
            let delay = Duration::from_nanos(roll(simulation, 1 << 44));
            let (due, rings) = (simulation.now() + delay, Rc::clone(&rang));
            let _ = simulation.reactor(&host).call_later(delay, move |reactor| {
                assert_eq!(reactor.now(), due);
                rings.set(rings.get() + 1);
            });
        }
        simulation.run_for(Duration::from_nanos(1 << 44));
        assert_eq!((rang.get(), simulation.reactor_stats(&host).panics), (1_000, 0));
    });
}
