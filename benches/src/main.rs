//! Ropewalk beside a hand-written mio loop and tokio: `cargo run --release -p ropewalk-benches`.
//!
//! Server and load run in processes of their own, pinned to different cores; rounds alternate between the servers so that
//! the machine's noise falls on all alike. What is compared is the server's CPU time per message, which the load's
//! speed does not change.

mod load;
mod own_share;
mod processes;
mod servers;

use std::error::Error;
use std::time::Duration;

use load::Load;
use processes::Server;
use servers::Kind;

/// One kind of load, with its name in the table.
const LOADS: [(&str, Load); 2] = [
    ("echo, one message at a time", Load { connections: 50, message: 64, window: 1 }),
    ("echo, 16 messages in flight", Load { connections: 50, message: 64, window: 16 }),
];

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    match arguments[..] {
        ["server", kind] => servers::serve(kind.parse()?),
        ["load", address, connections, message, window, milliseconds] => {
            let load = Load {
                connections: connections.parse()?,
                message: message.parse()?,
                window: window.parse()?,
            };
            let result = load.run(address.parse()?, Duration::from_millis(milliseconds.parse()?))?;
            println!(
                "{} {} {}",
                result.messages,
                result.median.as_nanos(),
                result.slowest_percent.as_nanos()
            );
            Ok(())
        }
        ["own-share", connections, messages] => {
            let each = own_share::measure(connections.parse()?, messages.parse()?)?;
            println!("{each:?} per echoed message");
            Ok(())
        }
        ["--short"] => compare(1, Duration::from_millis(200)),
        [] => compare(9, Duration::from_secs(1)),
        _ => Err("usage: ropewalk-benches [--short]".into()),
    }
}

/// What one run of one server gave.
struct Measured {
    cpu_per_message: f64,
    messages_per_second: f64,
    median: Duration,
    slowest_percent: Duration,
}

fn compare(rounds: usize, each: Duration) -> Result<(), Box<dyn Error>> {
    println!("| load | server | CPU per message | ratio | messages/s | p50 | p99 |");
    println!("|---|---|---|---|---|---|---|");
    for (name, load) in LOADS {
        let mut results: Vec<Vec<Measured>> = Kind::ALL.iter().map(|_| Vec::new()).collect();
        for _ in 0..rounds {
            for (kind, results) in Kind::ALL.into_iter().zip(&mut results) {
                results.push(measure(kind, load, each)?);
            }
        }
        print_rows(name, &results);
    }
    println!(
        "\n{rounds} rounds of {each:?} each; medians; the ratio is the median of each round's ratio to the hand-written loop."
    );
    Ok(())
}

fn measure(kind: Kind, load: Load, each: Duration) -> Result<Measured, Box<dyn Error>> {
    let server = Server::start(kind)?;
    // A first short run lets buffers, caches and the branch predictor settle.
    server.load(load, each / 10)?;
    let before = server.cpu_time()?;
    let result = server.load(load, each)?;
    let cpu = server.cpu_time()? - before;
    let messages = result.messages.max(1) as f64;
    Ok(Measured {
        cpu_per_message: cpu.as_nanos() as f64 / messages,
        messages_per_second: messages / each.as_secs_f64(),
        median: result.median,
        slowest_percent: result.slowest_percent,
    })
}

fn print_rows(name: &str, results: &[Vec<Measured>]) {
    let baseline = &results[Kind::HANDWRITTEN_INDEX];
    for (kind, rounds) in Kind::ALL.into_iter().zip(results) {
        let ratios =
            rounds.iter().zip(baseline).map(|(own, base)| own.cpu_per_message / base.cpu_per_message);
        println!(
            "| {name} | {kind} | {:.0} ns | {:.3} | {:.0} | {:?} | {:?} |",
            median(rounds.iter().map(|round| round.cpu_per_message)),
            median(ratios),
            median(rounds.iter().map(|round| round.messages_per_second)),
            middle(rounds.iter().map(|round| round.median)),
            middle(rounds.iter().map(|round| round.slowest_percent)),
        );
    }
}

fn median(values: impl Iterator<Item = f64>) -> f64 {
    let mut values: Vec<f64> = values.collect();
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}

fn middle(values: impl Iterator<Item = Duration>) -> Duration {
    let mut values: Vec<Duration> = values.collect();
    values.sort();
    values[values.len() / 2]
}
