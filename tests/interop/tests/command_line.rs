//! What the examples say about their arguments.
#![allow(clippy::unwrap_used, reason = "tests say what they expect by unwrapping")]

use std::net::{TcpListener, UdpSocket};
use std::process::Command;

use ropewalk_interop::{Finished, Running, example_path};

const EXAMPLES: [&str; 19] = [
    "echo",
    "qotd",
    "chat",
    "answer",
    "login",
    "logfile",
    "client",
    "telnet",
    "fetch",
    "reconnecting_client",
    "butterfly",
    "circuits_chat",
    "nickname_chat",
    "chat_tls",
    "echo_tls",
    "ws_echo",
    "tiny_echo",
    "tiny_chat",
    "tiny_client",
];

#[track_caller]
fn run(name: &str, arguments: &[&str]) -> Finished {
    Running::start(Command::new(example_path(name)).args(arguments)).finish()
}

/// The example complains in one line and exits with 1.
#[track_caller]
fn complains(name: &str, arguments: &[&str], complaint: &str) {
    let finished = run(name, arguments);
    assert_eq!(finished.status.code(), Some(1), "{name}: {finished:?}");
    assert_eq!(finished.output, "", "{name}");
    assert_eq!(finished.errors, format!("error: {complaint}\n"), "{name}");
}

#[test]
fn a_taken_port_is_one_clear_line() {
    let holder = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = holder.local_addr().unwrap();
    let complaint = format!("listening on {address}: Address already in use (os error 98)");
    for name in ["echo", "qotd", "chat", "answer"] {
        complains(name, &[&address.to_string()], &complaint);
    }
    complains("logfile", &[&address.to_string(), "/dev/null"], &complaint);
}

#[test]
fn a_bad_address_is_one_clear_line() {
    for name in EXAMPLES {
        let missing = r#"the address "127.0.0.1" has no port: write it after the host, as in 127.0.0.1:8123"#;
        complains(name, &["127.0.0.1"], missing);
        let range = r#"the address "127.0.0.1:99999" has a bad port: it must be a number from 0 to 65535"#;
        complains(name, &["127.0.0.1:99999"], range);
    }
}

#[test]
fn a_bad_description_is_one_clear_line() {
    for name in EXAMPLES {
        let complaint = r#"the endpoint "tcp:127.0.0.1:8123:x=" has"#;
        let finished = run(name, &["tcp:127.0.0.1:8123:x="]);
        assert_eq!(finished.status.code(), Some(1), "{name}: {finished:?}");
        assert!(finished.errors.starts_with(&format!("error: {complaint}")), "{name}: {finished:?}");
        assert_eq!(finished.errors.lines().count(), 1, "{name}: {finished:?}");
    }
}

#[test]
fn a_superfluous_argument_is_one_clear_line() {
    let complaint = r#"unexpected argument "superfluous": see --help"#;
    for name in EXAMPLES {
        let arguments = ["127.0.0.1:0", "argument", "superfluous"];
        match name {
            "qotd" | "login" | "logfile" | "fetch" | "reconnecting_client" | "chat_tls" | "echo_tls" => {
                complains(name, &arguments, complaint)
            }
            // They listen on any number of endpoints.
            "tiny_echo" | "tiny_chat" => {}
            // It takes as many endpoints as there are, and listens on none if one is bad.
            "chat" => {
                let missing =
                    r#"the address "127.0.0.1" has no port: write it after the host, as in 127.0.0.1:8123"#;
                complains(name, &["127.0.0.1:0", "127.0.0.1"], missing);
            }
            _ => complains(name, &["127.0.0.1:0", "superfluous"], complaint),
        }
    }
}

/// Before any other argument, behind all of them, and where any number may be.
#[test]
fn an_unknown_option_is_one_clear_line() {
    let complaint = r#"unexpected option "--port": see --help"#;
    for name in EXAMPLES {
        complains(name, &["--port", "80"], complaint);
        match name {
            "qotd" | "login" | "logfile" | "fetch" | "reconnecting_client" | "chat_tls" | "echo_tls" => {
                complains(name, &["127.0.0.1:0", "argument", "--port"], complaint);
            }
            _ => complains(name, &["127.0.0.1:0", "--port"], complaint),
        }
    }
    complains("ws_client", &["--port", "80"], complaint);
    complains("udp_echo", &["--port", "80"], complaint);
    complains("tpft", &["serve", "--port", "80"], complaint);
}

#[test]
fn a_log_that_cannot_be_opened_is_one_clear_line() {
    let complaint = "opening /nonexistent/log: No such file or directory (os error 2)";
    complains("logfile", &["127.0.0.1:0", "/nonexistent/log"], complaint);
}

#[test]
fn help_shows_the_usage() {
    for name in EXAMPLES {
        let finished = run(name, &["--help"]);
        assert_eq!(finished.status.code(), Some(0));
        let usage = finished.output.lines().next().unwrap_or_default();
        assert!(
            usage.starts_with(&format!("Usage: {name} [")) && usage.contains("[ENDPOINT"),
            "{finished:?}"
        );
        assert!(finished.output.contains("An ENDPOINT is an address such as"), "{finished:?}");
    }
}

/// It takes the URL of a WebSocket and no other endpoint.
#[test]
fn ws_client_complains_in_one_clear_line_too() {
    let scheme = "is not the address of a WebSocket: it has to begin with ws:// or wss://";
    complains("ws_client", &["127.0.0.1:1"], &format!(r#""127.0.0.1:1" {scheme}"#));
    complains("ws_client", &["ws://"], r#""ws://" is not the address of a WebSocket: it names no host"#);
    let superfluous = r#"unexpected argument "superfluous": see --help"#;
    complains("ws_client", &["ws://127.0.0.1:1/", "superfluous"], superfluous);
    for option in ["--send", "--ca"] {
        complains("ws_client", &["ws://127.0.0.1:1/", option], &format!("{option} has no value: see --help"));
    }
    assert!(run("ws_client", &["--help"]).output.starts_with("Usage: ws_client [URL]"));
}

/// Even if they look below the WebSockets, they complain about what was written.
#[test]
fn servers_of_websockets_quote_what_was_written() {
    for name in ["chat", "ws_echo"] {
        let range = "has a bad port \"80a\" at column 4: it must be a number from 0 to 65535";
        complains(name, &["ws:80a"], &format!(r#"the endpoint "ws:80a" {range}"#));
        let certificate = "has no cert and no key: add one of them at column 6";
        complains(name, &["wss:0"], &format!(r#"the endpoint "wss:0" {certificate}"#));
        let errors = run(name, &["ws://127.0.0.1:0/"]).errors;
        assert!(errors.contains("URLs are for clients"), "{errors}");
    }
    // The chat is one of streams over WebSockets, which may have all keys.
    let keys = "may have only the keys of tcp here";
    complains("ws_echo", &["WS:0:path=/chat"], &format!(r#"the endpoint "WS:0:path=/chat" {keys}"#));
}

#[test]
fn one_bad_endpoint_among_several_is_named() {
    for name in ["tiny_echo", "tiny_chat"] {
        let finished = run(name, &["127.0.0.1:0", "superfluous"]);
        assert_eq!(finished.status.code(), Some(1), "{finished:?}");
        let complaint = r#"error: the endpoint "superfluous" is of an unknown kind"#;
        assert!(finished.errors.starts_with(complaint), "{finished:?}");
    }
}

/// It has no connections, so it takes an address and no other endpoint.
#[test]
fn udp_echo_complains_in_one_clear_line_too() {
    let missing = r#"the address "127.0.0.1" has no port: write it after the host, as in 127.0.0.1:8123"#;
    complains("udp_echo", &["127.0.0.1"], missing);
    let superfluous = r#"unexpected argument "superfluous": see --help"#;
    complains("udp_echo", &["127.0.0.1:0", "text", "superfluous"], superfluous);
    let holder = UdpSocket::bind("127.0.0.1:0").unwrap();
    let address = holder.local_addr().unwrap();
    let taken = format!("listening on {address}: Address already in use (os error 98)");
    complains("udp_echo", &[&address.to_string()], &taken);
    let help = run("udp_echo", &["--help"]).output;
    assert!(help.starts_with("Usage: udp_echo [ADDRESS") && !help.contains("ENDPOINT"), "{help:?}");
}
