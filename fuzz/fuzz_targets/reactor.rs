//! Whatever system calls, network and protocols do, the guarantees hold; and if no call fails, all work is done.
#![no_main]
#![allow(dead_code, reason = "the scenes are those of a test, of which not everything is used here")]

use libfuzzer_sys::fuzz_target;
use ropewalk::simulation::Simulation;

#[path = "../../tests/torture_every_call/asker.rs"]
mod asker;
#[path = "../../tests/torture_every_call/book.rs"]
mod book;
#[path = "../../tests/torture_every_call/bounds.rs"]
mod bounds;
#[path = "../../tests/torture_every_call/bystander.rs"]
mod bystander;
#[path = "../../tests/torture_every_call/clients.rs"]
mod clients;
#[path = "../../tests/torture_every_call/others.rs"]
mod others;
#[path = "../../tests/torture_every_call/pressed.rs"]
mod pressed;
#[path = "../../tests/torture_every_call/relayed.rs"]
mod relayed;
#[path = "../../tests/torture_every_call/scenes.rs"]
mod scenes;
#[path = "../../tests/torture_every_call/stage.rs"]
mod stage;
#[path = "../../tests/torture_every_call/streams.rs"]
mod streams;
#[path = "../../tests/torture_every_call/wild.rs"]
mod wild;

use scenes::{BROADCAST, DATAGRAMS, ECHO, FORWARDING, LINES, NAME, PROXY, RESULTS, SERVICE, Scene};
use stage::{DONE, Stage, Victim};

/// The scenes in which nothing happens at a time of the test's own choice that would hurry a slow network.
const SCENES: [Scene; 9] = [ECHO, LINES, BROADCAST, NAME, SERVICE, PROXY, FORWARDING, DATAGRAMS, RESULTS];

fuzz_target!(|input: &[u8]| {
    let mut stage = Stage::on(Simulation::from_bytes(input), Victim::Server, &[]);
    let dice = stage.simulation.dice();
    let is_wild = dice.roll(2) == 0;
    let scene = SCENES[dice.roll(SCENES.len() as u64) as usize];
    let may_fail = wild::trouble(&mut stage);
    let play = if is_wild { wild::wild } else { scene.play };
    play(&mut stage);
    let (outcome, _) = stage.end();
    let is_done = outcome.results.values().all(|result| result == DONE);
    assert!(is_wild || may_fail || is_done, "{:?}", outcome.results);
});
