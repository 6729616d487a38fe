//! The Autobahn test suite, against the examples as server and as client.
//!
//! ```text
//! EVERY_CASE=1 cargo test --release -p ropewalk-interop --features autobahn --test autobahn -- --nocapture
//! ```
//!
//! Without EVERY_CASE most of those that take long are left out. The first run installs the suite, from the Python Package
//! Index, and converts it to Python 3.
#![allow(clippy::unwrap_used, reason = "tests say what they expect by unwrapping")]

mod cases;
mod report;
mod suite;

use std::process::Command;
use std::time::Duration;

use ropewalk_interop::{Example, Running, example_path, free_port, wait_for_server};

use report::Report;
use suite::Suite;

/// A case says nothing while it runs, and the suite itself ends each after 480 seconds.
const PATIENCE: Duration = Duration::from_secs(500);

#[test]
fn the_server_passes() {
    let server = Example::start("ws_echo", &[]);
    let suite = Suite::new("server");
    let servers = format!(r#""servers": [{{"agent": "ropewalk", "url": "ws://{}"}}]"#, server.address());
    let finished = suite.start("client", &servers).finish_within(PATIENCE);
    assert!(finished.status.success(), "{finished:?}");
    check(&suite);
}

#[test]
fn the_client_passes() {
    let port = free_port();
    let suite = Suite::new("client");
    let _server = suite.start("server", &format!(r#""url": "ws://127.0.0.1:{port}""#));
    wait_for_server(port);
    let client = |path: &str, arguments: &[&str]| {
        let mut command = Command::new(example_path("ws_client"));
        Running::start(command.arg(format!("ws://127.0.0.1:{port}{path}")).args(arguments))
            .finish_within(PATIENCE)
    };
    // The server tells at once, whatever it is sent.
    let count = client("/getCaseCount", &["--send", "?"]);
    let count: u32 = count.output.trim().parse().unwrap_or_else(|error| panic!("{error}: {count:?}"));
    for case in 1..=count {
        // Many cases end with an error, as they should.
        client(&format!("/runCase?case={case}&agent=ropewalk"), &[]);
    }
    client("/updateReports?agent=ropewalk", &[]);
    check(&suite);
}

#[track_caller]
fn check(suite: &Suite) {
    let report = Report::read(&suite.table());
    println!("ropewalk as {}:\n{report}", suite.name());
    assert!(report.is_complete(), "cases are missing:\n{report}");
    assert!(report.failures().is_empty(), "{:#?}\n{report}", report.failures());
}
