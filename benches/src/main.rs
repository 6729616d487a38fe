//! Ropewalk beside a hand-written mio loop and tokio: `cargo run --release -p ropewalk-benches`.
//!
//! Server and load run in processes of their own, pinned to different cores; rounds alternate between the servers so that
//! the machine's noise falls on all alike. What is compared is the server's CPU time per message, which the load's speed does
//! not change. See README.md for the figures and how they were taken.

mod comparison;
mod load;
mod own_share;
mod processes;
mod providers;
mod servers;
mod simulation;
mod timers;
mod tls;

use std::error::Error;
use std::time::Duration;

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    match arguments[..] {
        // How the comparison starts the processes.
        ["server", kind, service] => servers::serve(kind.parse()?, service.parse()?),
        ["load", address, ref load @ .., milliseconds] => {
            let time = Duration::from_millis(milliseconds.parse()?);
            load::Load::parse(load)?.run(address.parse()?, time)?.print();
            Ok(())
        }
        ["own-share", connections, messages] => {
            let each = own_share::measure(connections.parse()?, messages.parse()?)?;
            println!("{each:?} per echoed message");
            Ok(())
        }
        ["messages", word] => comparison::messages(9, Duration::from_secs(1), word),
        ["providers"] => providers::compare(9, 500, 2_000),
        ["simulation"] => {
            simulation::measure(1_000);
            Ok(())
        }
        ["simulation", members, hosts, seconds] => {
            let time = Duration::from_secs(seconds.parse()?);
            simulation::chat(members.parse()?, hosts.parse()?, time);
            Ok(())
        }
        ["--short"] => all(1, Duration::from_millis(100), 1_000, 10_000),
        [] => all(9, Duration::from_secs(1), 10_000, 1_000_000),
        _ => Err(
            "usage: ropewalk-benches [--short | messages WORD | providers | own-share CONNECTIONS MESSAGES |\n    \
             simulation [MEMBERS HOSTS SECONDS]]"
                .into(),
        ),
    }
}

fn all(rounds: usize, each: Duration, idle: usize, timers: usize) -> Result<(), Box<dyn Error>> {
    comparison::messages(rounds, each, "")?;
    comparison::idle_memory(idle)?;
    timers::compare(rounds, timers)?;
    println!("\n| own share of an echoed message | time |\n|---|---|");
    for connections in [1, 50] {
        let time = own_share::measure(connections, timers as u64 * 2)?;
        println!("| {connections} connections ready in each turn | {time:?} |");
    }
    simulation::measure(idle / 10);
    Ok(())
}
