//! The forwarder between netcat, a server of ours, and sockets that do what no program does.

use std::net::TcpListener;

use ropewalk_interop::{Example, Finished, Running, Signal, Socket, netcat};

/// Starts a forwarder to `target`.
fn forward_to(target: impl ToString) -> Example {
    Example::start("forward", &[&target.to_string()])
}

/// `nc -N` half-closes at the end of its input and waits for the reply: bulk goes there and back, and its end too.
#[test]
fn netcat_gets_its_whole_echo_through_the_forwarder() {
    let echo = Example::start("echo", &[]);
    let forward = forward_to(echo.address());
    let bulk: String = (0..500_000).map(|number| format!("{number}\n")).collect();
    for input in ["x".to_owned(), String::new(), bulk] {
        let running = Running::with_input(&mut netcat(&["-N"], forward.address()), input.clone());
        let Finished { status, output, errors } = running.finish();
        assert!(status.success(), "{status}: {errors}");
        assert!(output == input, "the echo of {} bytes differs: {} came", input.len(), output.len());
    }
}

/// A server that speaks and closes by itself: what it says last arrives.
#[test]
fn netcat_hears_a_server_that_closes_first() {
    let qotd = Example::start("qotd", &[]);
    let forward = forward_to(qotd.address());
    let Finished { output, .. } = Running::with_input(&mut netcat(&["-N"], forward.address()), "").finish();
    assert_eq!(output, "An apple a day keeps the doctor away\r\n");
}

/// Nobody listens at the target: the client is closed, and the log says why.
#[test]
fn a_target_that_refuses_is_named_in_the_log() {
    let dead = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let forward = forward_to(dead);
    Socket::connect(forward.address()).expect_end();
    let Finished { status, errors, .. } = forward.end_by(Signal::SIGTERM);
    assert!(status.success());
    assert!(errors.contains(&format!("connecting to {dead}: Connection refused")), "{errors}");
}

/// A client that resets has its backend connection reset with it, and the forwarder serves the next.
#[test]
fn a_client_that_resets_ends_its_backend_connection() {
    let target = TcpListener::bind("127.0.0.1:0").unwrap();
    let forward = forward_to(target.local_addr().unwrap());
    let mut client = Socket::connect(forward.address());
    client.send("hello");
    let mut backend: Socket = target.accept().unwrap().0.into();
    backend.expect("hello");
    client.reset();
    backend.expect_reset();
    let mut client = Socket::connect(forward.address());
    let mut backend: Socket = target.accept().unwrap().0.into();
    backend.send("welcome");
    client.expect("welcome");
}
