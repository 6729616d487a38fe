//! Datagrams with netcat.

use std::net::UdpSocket;
use std::process::Command;

use ropewalk_interop::{Example, Running, Signal, example_path, netcat};

#[test]
fn netcat_hears_its_echo() {
    let echo = Example::start("udp_echo", &[]);
    for text in ["hello\n", "a second client\n"] {
        // It ends when it has received one datagram.
        let mut command = netcat(&["-u", "-W", "1"], echo.address());
        let finished = Running::with_input(&mut command, text).finish();
        assert!(finished.status.success(), "{finished:?}");
        assert_eq!(finished.output, text);
    }
    let finished = echo.end_by(Signal::SIGTERM);
    assert!(finished.status.success(), "{finished:?}");
    assert_eq!((finished.output, finished.errors), (String::new(), String::new()));
}

#[test]
fn the_client_prints_the_answer() {
    let echo = Example::start("udp_echo", &[]);
    let address = echo.address().to_string();
    let mut command = Command::new(example_path("udp_echo"));
    let finished = Running::start(command.args([&address, "Is anybody there?"])).finish();
    assert!(finished.status.success(), "{finished:?}");
    assert_eq!(finished.output, "Is anybody there?\n");
}

#[test]
fn the_client_says_that_nobody_is_there() {
    let address = UdpSocket::bind("127.0.0.1:0").unwrap().local_addr().unwrap().to_string();
    let mut command = Command::new(example_path("udp_echo"));
    let finished = Running::start(command.args([&address, "Is anybody there?"])).finish();
    assert_eq!(finished.status.code(), Some(1), "{finished:?}");
    assert_eq!(finished.errors, format!("error: {address} refused a datagram: nobody receives there\n"));
}
