//! The comparison over sockets: rounds of every server under every load, and one table of ratios.

use std::error::Error;
use std::time::Duration;

use crate::load::Load;
use crate::processes::Server;
use crate::servers::{Kind, Service};

/// The loads, each with its name in the table.
const LOADS: [(&str, Service, Load); 15] = [
    (
        "echo, 64 bytes, one at a time",
        Service::Echo,
        Load::Windows { connections: 50, message: 64, window: 1 },
    ),
    (
        "echo, 64 bytes, 16 in flight",
        Service::Echo,
        Load::Windows { connections: 50, message: 64, window: 16 },
    ),
    (
        "echo, 64 bytes, beside 10 that never read",
        Service::Echo,
        Load::BesideDeaf { connections: 50, message: 64, deaf: 10 },
    ),
    (
        "lines of 16 bytes, 64 in flight",
        Service::Lines,
        Load::Windows { connections: 50, message: 16, window: 64 },
    ),
    (
        "lines of 8 KiB, 4 in flight",
        Service::Lines,
        Load::Windows { connections: 50, message: 8192, window: 4 },
    ),
    ("chat, one line to 200", Service::Chat, Load::Fanout { connections: 200, message: 64 }),
    ("connect, echo, reset", Service::Echo, Load::Connects { connections: 20 }),
    (
        "TLS, echo, 64 bytes, one at a time",
        Service::TlsEcho,
        Load::TlsWindows { connections: 50, message: 64, window: 1 },
    ),
    (
        "TLS, echo, 16 KiB, 16 in flight",
        Service::TlsEcho,
        Load::TlsWindows { connections: 4, message: 16 * 1024, window: 16 },
    ),
    ("TLS, connect, full handshake, echo, reset", Service::TlsEcho, Load::TlsConnects { connections: 20 }),
    // A client keeps no more tickets than these use.
    ("TLS, connect, resumed handshake, echo, reset", Service::TlsEcho, Load::TlsResumes { connections: 8 }),
    (
        "WebSocket, text of 32 bytes, one at a time",
        Service::WebSocketEcho,
        Load::WebSockets { connections: 50, message: 32, window: 1 },
    ),
    (
        "WebSocket, text of 32 bytes, 16 in flight",
        Service::WebSocketEcho,
        Load::WebSockets { connections: 50, message: 32, window: 16 },
    ),
    (
        "WebSocket, 64 KiB, one at a time",
        Service::WebSocketEcho,
        Load::WebSockets { connections: 4, message: 64 * 1024, window: 1 },
    ),
    (
        "WebSocket, 64 KiB, 4 in flight",
        Service::WebSocketEcho,
        Load::WebSockets { connections: 4, message: 64 * 1024, window: 4 },
    ),
];

/// What one run of one server gave.
struct Measured {
    cpu_per_message: f64,
    messages_per_second: f64,
    median: Duration,
    slowest_percent: Duration,
}

/// Compares what a message costs, under the loads in whose names is `word`.
pub(crate) fn messages(rounds: usize, each: Duration, word: &str) -> Result<(), Box<dyn Error>> {
    println!("| load | server | CPU per message | ratio | messages/s | p50 | p99 |");
    println!("|---|---|---|---|---|---|---|");
    for (name, service, load) in LOADS.into_iter().filter(|(name, ..)| name.contains(word)) {
        let kinds = service.kinds();
        let mut results = kinds.map(|_| Vec::new());
        for _ in 0..rounds {
            for (kind, results) in kinds.into_iter().zip(&mut results) {
                results.push(measure(kind, service, load, each)?);
            }
        }
        print_rows(name, kinds, &results);
    }
    println!(
        "\n{rounds} rounds of {each:?} each; medians. The ratio is the median over the rounds of each round's ratio to the first server."
    );
    Ok(())
}

fn measure(kind: Kind, service: Service, load: Load, each: Duration) -> Result<Measured, Box<dyn Error>> {
    let server = Server::start(kind, service)?;
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

fn print_rows(name: &str, kinds: [Kind; 3], results: &[Vec<Measured>; 3]) {
    let [baseline, ..] = results;
    for (kind, rounds) in kinds.into_iter().zip(results) {
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

/// Compares the memory of idle connections of a line server.
pub(crate) fn idle_memory(connections: usize) -> Result<(), Box<dyn Error>> {
    println!("\n| {connections} idle connections of a line server | memory of each |\n|---|---|");
    for kind in Service::Lines.kinds() {
        let server = Server::start(kind, Service::Lines)?;
        // The first connections bring in what is needed once.
        server.load(Load::Idle { connections: 100 }, Duration::ZERO)?;
        let before = server.memory()?;
        let during = server.memory_under(Load::Idle { connections })?;
        println!("| {kind} | {} bytes |", during.saturating_sub(before) / connections as u64);
    }
    println!("\nGrowth of the server's anonymous memory as the system counts it, in pages.");
    Ok(())
}

/// The median of the values.
pub(crate) fn median(values: impl Iterator<Item = f64>) -> f64 {
    let mut values: Vec<f64> = values.collect();
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}

fn middle(values: impl Iterator<Item = Duration>) -> Duration {
    let mut values: Vec<Duration> = values.collect();
    values.sort();
    values[values.len() / 2]
}
