//! What is run with which seeds, and what is said about one that fails.

use std::env;
use std::process::Command;
use std::time::Duration;

use ropewalk::simulation::simulate;

use crate::people::idle;

/// Has the test below run seeds instead of looking at how they are run.
const RUN: &str = "ROPEWALK_RUN_SEEDS";

/// What is said when the seeds are run with these variables.
fn said(variables: &[(&str, &str)]) -> String {
    let name = "seeds::the_environment_says_which_seeds_run";
    let process = Command::new(env::current_exe().unwrap())
        .args(["--exact", name, "--nocapture"])
        .env(RUN, "1")
        .envs(variables.iter().copied())
        .output()
        .unwrap();
    String::from_utf8(process.stdout).unwrap() + &String::from_utf8(process.stderr).unwrap()
}

fn ran(said: &str) -> Vec<&str> {
    said.split("ran ").skip(1).map(|rest| rest.split(';').next().unwrap()).collect()
}

#[test]
fn the_environment_says_which_seeds_run() {
    if env::var_os(RUN).is_some() {
        return simulate(3, |simulation| {
            let seed = simulation.seed();
            println!("ran {seed};");
            simulation.host("server", idle);
            simulation.run_for(Duration::from_secs(1));
            assert_ne!(seed, 44, "this one fails");
        });
    }
    assert_eq!(ran(&said(&[])), ["0", "1", "2"]);
    assert_eq!(ran(&said(&[("SEED", "17")])), ["17"]);
    assert_eq!(ran(&said(&[("FIRST_SEED", "7"), ("SEEDS", "2")])), ["7", "8"]);
    assert!(ran(&said(&[("FIRST_SEED", "100"), ("SEED_SECONDS", "1")])).len() > 10);
    let nonsense = said(&[("SEED", "many")]);
    assert!(nonsense.contains("SEED is to be a number, and is \"many\""), "{nonsense}");
    let failed = said(&[("FIRST_SEED", "42"), ("SEEDS", "10")]);
    assert_eq!(ran(&failed), ["42", "43", "44"]);
    assert!(failed.contains("the simulation with seed 44 ended after 1s:"), "{failed}");
    assert!(failed.contains("server       boots"), "{failed}");
    let replay = "SEED=44 cargo test -- --exact seeds::the_environment_says_which_seeds_run";
    assert!(failed.contains(replay), "{failed}");
}
