//! Every system call of a scene fails once, in every way it can, and every guarantee holds all the same.
//!
//! A scene is played on the simulated network without failures, which counts the calls of one host; then once for each call and
//! each error that this call can return. Whatever fails, nothing grows beyond its bounds, and a bystander notices nothing.
#![allow(clippy::unwrap_used, reason = "in a test a panic is the report")]

mod asker;
mod book;
mod bounds;
mod bystander;
#[cfg(all(feature = "tls", any(feature = "ring", feature = "aws-lc-rs")))]
#[path = "../every_way/certificates.rs"]
mod certificates;
mod clients;
mod others;
mod pressed;
mod relayed;
mod scenes;
mod stage;
mod streams;
#[cfg(all(feature = "tls", any(feature = "ring", feature = "aws-lc-rs")))]
mod tls;
mod wild;

use std::io::ErrorKind;

use ropewalk::simulation::{Faults, simulate};
use ropewalk::testing::{Dice, Operation};

use bystander::{BYSTANDER, Patience};
use scenes::{
    BROADCAST, CROWDED, DATAGRAMS, DRAIN, ECHO, FORWARDING, GREEDY, LINES, NAME, NARROW, POLICIES, PRODUCED,
    PROXY, RESULTS, SCENES, SERVICE, STOP, Scene, one,
};
use stage::{DONE, Outcome, Stage, Victim};
#[cfg(all(feature = "tls", any(feature = "ring", feature = "aws-lc-rs")))]
use tls::TLS;

/// The most runs of one scene.
const RUNS_MAX: usize = 200;

/// A call that failed, and how.
type Failure = (usize, ErrorKind);

fn run(scene: Scene, victim: Victim, failures: &[Failure]) -> (Outcome, Vec<Operation>) {
    let mut stage = Stage::new(victim, 1, failures).with_bystander(Patience::strict(failures.len()));
    (scene.play)(&mut stage);
    stage.end()
}

/// Plays a scene with each call failing in each way.
fn torture(scene: Scene, victim: Victim) {
    let (expected, calls) = run(scene, victim, &[]);
    assert!(expected.results.values().all(|result| result == DONE), "{:?}", expected.results);
    let failures = failures_of(&calls);
    for (number, error) in failures.iter().copied() {
        let named = Named { victim, number, operation: calls[number], error };
        let (outcome, _) = run(scene, victim, &[(number, error)]);
        judge(scene, &expected, &outcome, &calls, &[(number, error)]);
        drop(named);
    }
    eprintln!("{} calls, {} runs", calls.len(), failures.len());
}

/// Each call with each of its errors; of many, so many that were chosen by lot. `EVERY_CALL=1` asks for all.
fn failures_of(calls: &[Operation]) -> Vec<Failure> {
    let mut failures: Vec<Failure> = (0..)
        .zip(calls)
        .flat_map(|(number, operation)| operation.errors().iter().map(move |error| (number, *error)))
        .collect();
    if std::env::var_os("EVERY_CALL").is_none() && failures.len() > RUNS_MAX {
        Dice::new(1).shuffle(&mut failures);
        failures.truncate(RUNS_MAX);
    }
    failures
}

/// Says which failure it was if the test fails while this lives.
struct Named {
    victim: Victim,
    number: usize,
    operation: Operation,
    error: ErrorKind,
}

impl Drop for Named {
    fn drop(&mut self) {
        if std::thread::panicking() {
            let Self { victim, number, operation, error } = self;
            eprintln!("call {number} of the {victim:?}, {operation:?}, was to fail with {error:?}");
        }
    }
}

/// Compares a run in which calls failed with the one in which none did.
fn judge(scene: Scene, expected: &Outcome, outcome: &Outcome, calls: &[Operation], failures: &[Failure]) {
    if failures.iter().all(|(_, error)| matches!(error, ErrorKind::WouldBlock | ErrorKind::Interrupted)) {
        assert_eq!(outcome, expected, "{failures:?}");
        return;
    }
    let may_spoil = |about| {
        failures.iter().map(|(number, _)| spoils(about, calls, *number)).fold(0, usize::saturating_add)
    };
    let spoiled: Vec<_> = outcome.results.iter().filter(|(_, result)| *result != DONE).collect();
    let for_others = spoiled.iter().filter(|(name, _)| *name != BYSTANDER).count();
    assert!(for_others <= may_spoil(scene.spoils), "{spoiled:?} after {failures:?}");
    // A call for the bystander spoils its result, and no other.
    assert!(spoiled.len() <= may_spoil(scene.spoils).max(may_spoil(one)), "{spoiled:?} after {failures:?}");
    let has_gap = spoiled.iter().any(|(_, result)| result.starts_with("a clean end after"));
    assert!(!(has_gap && scene.tells_of_gaps), "{spoiled:?} after {failures:?}");
}

/// How many results may be spoilt when this call fails.
fn spoils(about: fn(Operation) -> usize, calls: &[Operation], number: usize) -> usize {
    let before = number.checked_sub(1).map(|before| calls[before]);
    match calls[number] {
        // Without a server there is nothing to be had.
        Operation::Listen => usize::MAX,
        Operation::LocalAddress if before == Some(Operation::Listen) => usize::MAX,
        operation => about(operation),
    }
}

macro_rules! torture {
    ($($name:ident: $scene:ident of $victim:ident;)+) => {
        $(#[test]
        fn $name() {
            torture($scene, Victim::$victim);
        })+
    };
}

torture! {
    an_echo_server: ECHO of Server;
    clients_of_an_echo_server: ECHO of Client;
    a_server_of_lines: LINES of Server;
    clients_with_lines: LINES of Client;
    a_room: BROADCAST of Server;
    guests_of_a_room: BROADCAST of Client;
    a_server_with_a_name: NAME of Server;
    a_client_by_name: NAME of Client;
    a_server_of_a_service: SERVICE of Server;
    a_service: SERVICE of Client;
    a_server_behind_a_proxy: PROXY of Server;
    a_proxy: PROXY of Client;
    a_forwarder: FORWARDING of Server;
    a_backend_and_its_clients: FORWARDING of Client;
    a_server_of_datagrams: DATAGRAMS of Server;
    a_client_with_datagrams: DATAGRAMS of Client;
    threads_and_names: RESULTS of Client;
    a_server_on_a_narrow_link: NARROW of Server;
    clients_on_a_narrow_link: NARROW of Client;
    a_server_with_greedy_clients: GREEDY of Server;
    greedy_clients: GREEDY of Client;
    a_server_with_producers: PRODUCED of Server;
    clients_of_producers: PRODUCED of Client;
    a_server_with_policies: POLICIES of Server;
    clients_of_a_server_with_policies: POLICIES of Client;
    a_crowded_server: CROWDED of Server;
    a_drain: DRAIN of Server;
    clients_of_a_server_that_drains: DRAIN of Client;
    a_stop: STOP of Server;
}

#[cfg(all(feature = "tls", any(feature = "ring", feature = "aws-lc-rs")))]
torture! {
    a_server_with_tls: TLS of Server;
    clients_with_tls: TLS of Client;
}

/// A scene and who is tortured in it.
fn choose(dice: &Dice) -> (Scene, Victim) {
    let scene = SCENES[dice.roll(SCENES.len() as u64) as usize];
    (scene, if dice.chance(0.5) { Victim::Server } else { Victim::Client })
}

/// Two failures in one run, the second chosen among the calls that follow the first.
#[test]
fn two_failures() {
    simulate(200, |simulation| {
        let dice = simulation.dice();
        let (scene, victim) = choose(&dice);
        let (expected, mut calls) = run(scene, victim, &[]);
        let mut failures: Vec<Failure> = Vec::new();
        while failures.len() < 2 {
            let first = failures.last().map_or(0, |(number, _)| number + 1);
            let Some(left) = calls.len().checked_sub(first).filter(|left| *left > 0) else { break };
            let number = first + dice.roll(left as u64) as usize;
            let errors = calls[number].errors();
            failures.push((number, errors[dice.roll(errors.len() as u64) as usize]));
            let outcome;
            (outcome, calls) = run(scene, victim, &failures);
            judge(scene, &expected, &outcome, &calls, &failures);
        }
    });
}

/// Both hosts have a rough time, but nothing fails: nothing is different in the end.
#[test]
fn nothing_but_trouble() {
    simulate(150, |simulation| {
        let dice = simulation.dice();
        let (scene, victim) = choose(&dice);
        let (expected, _) = run(scene, victim, &[]);
        let outcome = run_with(scene, dice.number(), Faults::rough());
        // What was heard may differ where the test itself acts at a time of its own.
        assert_eq!(outcome.results, expected.results);
    });
}

/// Any call may fail, on both hosts: what is left to promise is promised.
#[test]
fn anything_fails() {
    simulate(300, |simulation| {
        let dice = simulation.dice();
        let (scene, _) = choose(&dice);
        let mut faults = Faults::rough();
        faults.failures = [0.01, 0.05, 0.2][dice.roll(3) as usize];
        run_with(scene, dice.number(), faults);
    });
}

/// Plays a scene with both hosts having these faults.
fn run_with(scene: Scene, seed: u64, faults: Faults) -> Outcome {
    let mut stage = Stage::new(Victim::Server, seed, &[]).with_bystander(Patience::GREAT);
    for host in [stage.server.clone(), stage.client.clone()] {
        stage.simulation.set_faults(&host, faults);
    }
    (scene.play)(&mut stage);
    stage.end().0
}

/// Anything happens, and protocols do anything.
#[test]
fn anything_goes() {
    simulate(300, |simulation| {
        let mut stage = Stage::new(Victim::Server, simulation.seed(), &[]);
        wild::trouble(&mut stage);
        wild::wild(&mut stage);
        stage.end();
    });
}
