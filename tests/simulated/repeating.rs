//! G8: the same seed gives the same trace.

use std::process::Command;
use std::time::Duration;

use ropewalk::simulation::{Faults, Link, Simulation};

use crate::people::{connect, echo_server, idle};

const SECOND: Duration = Duration::from_secs(1);

/// A busy day with everything in it that is random.
fn day(seed: u64) -> (u64, String) {
    let mut simulation = Simulation::new(seed);
    let mut link = Link::default();
    (link.loss, link.duplication, link.buffer) = (0.1, 0.1, 5_000);
    simulation.set_default_link(link);
    let server = simulation.host("server", echo_server);
    simulation.set_faults(&server, Faults::rough());
    let clients = ["ann", "bob", "cyd"].map(|name| simulation.host(name, idle));
    for round in 0..20 {
        let heard = clients.each_ref().map(|client| connect(&mut simulation, client, server.address()));
        for (client, heard) in clients.iter().zip(&heard) {
            let _ = simulation.run_until(30 * SECOND, |_| heard.is_made());
            if heard.is_made() {
                let length = simulation.dice().roll(20_000) as usize;
                heard.transport().write(vec![b'x'; length]);
            }
            simulation.reactor(client).run_in_thread(|| 1).then(drop);
        }
        simulation.run_for(SECOND / 100);
        match round % 4 {
            0 => simulation.partition(&[&server], &[&clients[0], &clients[1]]),
            1 => simulation.heal(),
            2 => simulation.crash(&server),
            _ => simulation.restart(&server),
        }
        simulation.run_for(10 * SECOND);
    }
    (simulation.trace_hash(), simulation.trace())
}

#[test]
fn g8_the_same_seed_gives_the_same_trace() {
    for seed in 0..10 {
        let (once, trace) = day(seed);
        let (again, same) = day(seed);
        assert_eq!(trace, same);
        assert_eq!(once, again);
    }
}

/// Has a process tell its hash instead of testing.
const TELL: &str = "ROPEWALK_TELL_HASH";

#[test]
fn g8_the_trace_is_the_same_in_another_process() {
    let hash = day(0).0;
    if std::env::var_os(TELL).is_some() {
        println!("the hash is {hash}");
        return;
    }
    let name = "repeating::g8_the_trace_is_the_same_in_another_process";
    let process = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", name, "--nocapture"])
        .env(TELL, "1")
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&process.stdout);
    assert!(said.contains(&format!("the hash is {hash}\n")), "{said}");
}

#[test]
fn another_seed_gives_another_trace() {
    assert_ne!(day(1).0, day(2).0);
}
