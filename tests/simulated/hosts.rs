//! Hosts that run, crash, are killed, sleep and start again.

use std::cell::Cell;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use ropewalk::driver::Signal;
use ropewalk::simulation::{Faults, Simulation};
use ropewalk::{Instant, ReactorHandle};

use crate::people::{connect, echo_server, idle};

const SECOND: Duration = Duration::from_secs(1);

#[test]
fn an_echo_comes_back() {
    let mut simulation = Simulation::new(1);
    let server = simulation.host("server", echo_server);
    let client = simulation.host("client", idle);
    let heard = connect(&mut simulation, &client, server.address());
    assert!(simulation.run_until(SECOND, |_| heard.is_made()));
    heard.transport().write("hello");
    assert!(simulation.run_until(SECOND, |_| heard.data() == b"hello"));
    heard.transport().lose_connection();
    simulation.run_for(SECOND);
    assert_eq!(heard.lost().unwrap(), "the connection was closed cleanly");
    assert_eq!(simulation.reactor_stats(&server).connections, 0);
    assert_eq!((simulation.descriptors(&server), simulation.descriptors(&client)), (1, 0));
}

#[test]
fn a_crash_is_noticed_only_by_those_who_send() {
    let mut simulation = Simulation::new(2);
    let server = simulation.host("server", echo_server);
    let client = simulation.host("client", idle);
    let quiet = connect(&mut simulation, &client, server.address());
    let talking = connect(&mut simulation, &client, server.address());
    simulation.run_for(SECOND);
    simulation.crash(&server);
    assert!(!simulation.is_running(&server));
    talking.transport().write("are you there?");
    simulation.run_for(60 * SECOND);
    assert!(talking.transport().is_open(), "TCP has patience");
    simulation.run_for(1_000 * SECOND);
    assert!(talking.lost().unwrap().contains("timed out"), "{:?}", talking.lost());
    assert!(quiet.transport().is_open(), "nobody has told it");
}

#[test]
fn a_host_that_starts_again_knows_nothing_of_its_connections() {
    let mut simulation = Simulation::new(3);
    let server = simulation.host("server", echo_server);
    let client = simulation.host("client", idle);
    let heard = connect(&mut simulation, &client, server.address());
    simulation.run_for(SECOND);
    simulation.crash(&server);
    heard.transport().write("hello?");
    simulation.run_for(10 * SECOND);
    simulation.restart(&server);
    simulation.run_for(60 * SECOND);
    assert!(heard.lost().unwrap().contains("reset"), "{:?}", heard.lost());
    let again = connect(&mut simulation, &client, server.address());
    simulation.run_for(SECOND);
    assert!(again.is_made());
}

#[test]
fn who_asks_an_idle_peer_whether_it_lives_notices_a_crash() {
    let mut simulation = Simulation::new(4);
    let server = simulation.host("server", echo_server);
    let client = simulation.host("client", idle);
    let heard = connect(&mut simulation, &client, server.address());
    simulation.run_for(SECOND);
    heard.transport().set_keepalive(Some(60 * SECOND));
    simulation.run_for(600 * SECOND);
    assert!(heard.transport().is_open(), "the peer answers");
    simulation.crash(&server);
    simulation.run_for(900 * SECOND);
    assert!(heard.lost().unwrap().contains("timed out"), "{:?}", heard.lost());
}

#[test]
fn the_sockets_of_a_killed_program_are_closed() {
    let mut simulation = Simulation::new(5);
    let server = simulation.host("server", echo_server);
    let client = simulation.host("client", idle);
    let heard = connect(&mut simulation, &client, server.address());
    simulation.run_for(SECOND);
    simulation.kill(&server);
    simulation.run_for(SECOND);
    assert!(heard.end_of_input());
    assert_eq!(simulation.descriptors(&server), 0);
    let refused = connect(&mut simulation, &client, server.address());
    simulation.run_for(SECOND);
    assert!(refused.lost().unwrap().contains("refused"), "{:?}", refused.lost());
}

#[test]
fn a_suspended_host_does_nothing_until_it_goes_on() {
    let mut simulation = Simulation::new(6);
    let server = simulation.host("server", echo_server);
    let client = simulation.host("client", idle);
    let heard = connect(&mut simulation, &client, server.address());
    simulation.run_for(SECOND);
    simulation.suspend(&server, 30 * SECOND);
    heard.transport().write("hello");
    simulation.run_for(29 * SECOND);
    assert_eq!(heard.count(), 0);
    simulation.run_for(2 * SECOND);
    assert_eq!(heard.data(), b"hello");
}

#[test]
fn a_program_that_stops_its_reactor_has_exited() {
    let mut simulation = Simulation::new(7);
    let server = simulation.host("server", |reactor| {
        let _ = reactor.call_later(10 * SECOND, |reactor| reactor.stop());
        echo_server(reactor)
    });
    simulation.run_for(9 * SECOND);
    assert!(simulation.is_running(&server));
    simulation.run_for(2 * SECOND);
    assert!(!simulation.is_running(&server));
    simulation.restart(&server);
    simulation.run_for(SECOND);
    assert!(simulation.is_running(&server));
}

#[test]
fn a_program_that_watches_signals_ends_by_one() {
    let mut simulation = Simulation::new(8);
    let server = simulation.host("server", |reactor| {
        reactor.stop_on_signals()?;
        echo_server(reactor)
    });
    let idler = simulation.host("idler", idle);
    simulation.run_for(SECOND);
    assert!(!simulation.signal(&idler, Signal::Terminate), "it would have ended at once");
    assert!(simulation.signal(&server, Signal::Terminate));
    simulation.run_for(SECOND);
    assert!(!simulation.is_running(&server));
}

#[test]
fn clocks_on_the_wall_jump_and_timers_do_not_care() {
    let mut simulation = Simulation::new(9);
    let rang = Rc::new(Cell::new(None));
    let ring = Rc::clone(&rang);
    let host = simulation.host("host", move |reactor| {
        let ring = Rc::clone(&ring);
        let _ = reactor.call_later(60 * SECOND, move |reactor| ring.set(Some(reactor.now())));
        Ok(())
    });
    let before = simulation.reactor(&host).system_time();
    simulation.set_clock_ahead(&host, 3_600 * SECOND);
    assert_eq!(simulation.reactor(&host).system_time().duration_since(before).unwrap(), 3_600 * SECOND);
    simulation.run_for(59 * SECOND);
    assert_eq!(rang.get(), None);
    simulation.run_for(2 * SECOND);
    assert_eq!(rang.get(), Some(Instant::ZERO + 60 * SECOND));
}

#[test]
fn a_host_without_descriptors_accepts_again_once_it_has_some() {
    let mut simulation = Simulation::new(10);
    let server = simulation.host("server", echo_server);
    let client = simulation.host("client", idle);
    simulation.set_descriptors(&server, 3);
    let first = [(); 2].map(|()| connect(&mut simulation, &client, server.address()));
    simulation.run_for(SECOND);
    assert_eq!(simulation.reactor_stats(&server).connections, 2);
    let third = connect(&mut simulation, &client, server.address());
    simulation.run_for(SECOND / 2);
    assert_eq!(simulation.reactor_stats(&server).connections, 2);
    first[0].transport().lose_connection();
    simulation.run_for(2 * SECOND);
    third.transport().write("me too");
    simulation.run_for(SECOND);
    assert_eq!(third.data(), b"me too");
}

#[test]
fn threads_give_their_results_back_later() {
    let mut simulation = Simulation::new(11);
    let host = simulation.host("host", idle);
    let result = Rc::new(Cell::new(0));
    let given = Rc::clone(&result);
    simulation.reactor(&host).run_in_thread(|| 42).then(move |answer| given.set(answer.unwrap()));
    assert_eq!(result.get(), 0);
    simulation.run_for(SECOND);
    assert_eq!(result.get(), 42);
}

#[test]
fn threads_do_not_outlive_a_crash() {
    let mut simulation = Simulation::new(11);
    let host = simulation.host("host", idle);
    simulation.run_for(SECOND);
    let ran = Arc::new(AtomicBool::new(false));
    let running = Arc::clone(&ran);
    simulation.reactor(&host).run_in_thread(move || running.store(true, Ordering::Relaxed)).then(drop);
    simulation.crash(&host);
    simulation.restart(&host);
    simulation.run_for(60 * SECOND);
    assert!(simulation.is_running(&host) && !ran.load(Ordering::Relaxed));
}

#[test]
fn tests_act_at_times_of_their_own() {
    let mut simulation = Simulation::new(12);
    let host = simulation.host("host", idle);
    let crashed = host.clone();
    simulation.after(10 * SECOND, move |simulation| simulation.crash(&crashed));
    let restarted = host.clone();
    simulation.at(Instant::ZERO + 20 * SECOND, move |simulation| simulation.restart(&restarted));
    simulation.run_for(15 * SECOND);
    assert!(!simulation.is_running(&host));
    simulation.run_for(15 * SECOND);
    assert!(simulation.is_running(&host));
}

#[test]
fn a_host_with_nothing_to_do_makes_no_turns_and_hears_of_its_handles() {
    let mut simulation = Simulation::new(13);
    let host = simulation.host("host", idle);
    let reactor = simulation.reactor(&host).clone();
    simulation.run_for(SECOND);
    let turns = simulation.stats().turns;
    for _ in 0..100 {
        simulation.run_for(SECOND);
    }
    assert_eq!(simulation.stats().turns, turns);
    let rang = Rc::new(Cell::new(None));
    let ring = Rc::clone(&rang);
    let asked = simulation.now();
    let _ = reactor.call_later(2 * SECOND, move |reactor| ring.set(Some(reactor.now())));
    simulation.run_for(3 * SECOND);
    assert_eq!(rang.get(), Some(asked + 2 * SECOND));
    // Neither does it look up at a time for which it no longer waits.
    let cancelled = reactor.call_later(5 * SECOND, |_| {});
    let _ = reactor.call_later(20 * SECOND, |_| {});
    simulation.run_for(SECOND);
    assert!(cancelled.cancel().is_ok());
    simulation.run_for(SECOND);
    let turns = simulation.stats().turns;
    simulation.run_for(10 * SECOND);
    assert_eq!(simulation.stats().turns, turns);
}

/// Has a call that is due at once, and so on, so many times.
fn call_at_once(reactor: &ReactorHandle, left: u32, called: Rc<Cell<u32>>) {
    if left > 0 {
        let _ = reactor.call_later(Duration::ZERO, move |reactor| {
            called.set(called.get() + 1);
            call_at_once(reactor, left - 1, called);
        });
    }
}

#[test]
fn a_host_that_wakes_up_late_does_not_sleep_over_what_is_due_already() {
    let mut simulation = Simulation::new(14);
    let host = simulation.host("host", idle);
    let mut faults = Faults::default();
    (faults.late_readiness, faults.lateness) = (1.0, Duration::MAX);
    simulation.set_faults(&host, faults);
    simulation.run_for(SECOND);
    let called = Rc::new(Cell::new(0));
    call_at_once(simulation.reactor(&host), 10, Rc::clone(&called));
    simulation.run_for(Duration::from_nanos(1));
    assert_eq!(called.get(), 10);
    let rang = Rc::new(Cell::new(false));
    let ring = Rc::clone(&rang);
    let _ = simulation.reactor(&host).call_later(SECOND, move |_| ring.set(true));
    simulation.run_for(1_000 * SECOND);
    assert!(!rang.get(), "any time up to the longest is hardly ever a short one");
}
