//! The Autobahn test suite, against the examples as server and as client.
//!
//! It needs Python 2.7, which is looked for as `python2.7` or as what the variable PYTHON2 names. The first run
//! installs the suite. To be run with --release, as some messages are large.
#![allow(clippy::unwrap_used, reason = "tests say what they expect by unwrapping")]

mod report;
mod suite;

use std::process::Command;

use ropewalk_interop::{Example, Running, example_path, free_port, wait_for_server};

use report::Report;
use suite::Suite;

#[test]
fn the_server_passes() {
    let server = Example::start("ws_echo", &[]);
    let suite = Suite::new("server");
    let servers = format!(r#""servers": [{{"agent": "ropewalk", "url": "ws://{}"}}]"#, server.address());
    let finished = suite.start("fuzzingclient", &servers).finish();
    assert!(finished.status.success(), "{finished:?}");
    check(&suite);
}

#[test]
fn the_client_passes() {
    let port = free_port();
    let suite = Suite::new("client");
    let _server = suite.start("fuzzingserver", &format!(r#""url": "ws://127.0.0.1:{port}""#));
    wait_for_server(port);
    let client = |path: &str, arguments: &[&str]| {
        let mut command = Command::new(example_path("ws_client"));
        Running::start(command.arg(format!("ws://127.0.0.1:{port}{path}")).args(arguments)).finish()
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
    println!("{report}");
    assert!(report.is_complete(), "cases are missing:\n{report}");
    assert!(report.failures().is_empty(), "{:#?}\n{report}", report.failures());
}
