//! How the page is served, and where.

use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::process::Command;
use std::thread;
use std::time::{Duration, Instant};

use ropewalk_interop::{PATIENCE, Running, Signal, Socket, example_path};

use crate::room::Room;

/// What is answered to a request.
fn answer(room: &Room, request: &str) -> String {
    let page = room.page.strip_prefix("http://").and_then(|page| page.strip_suffix('/')).unwrap();
    let mut socket = Socket::connect(page.parse().unwrap());
    socket.send(request.replace("HOST", page).replace('\n', "\r\n"));
    let first = socket.line();
    if first.contains(" 101 ") { first } else { first + &String::from_utf8(socket.rest()).unwrap() }
}

#[test]
fn the_page_allows_nothing_but_itself() {
    let room = Room::open();
    let page = answer(&room, "GET / HTTP/1.1\nHost: HOST\n\n");
    assert!(page.starts_with("HTTP/1.1 200 OK\r\n"), "{page}");
    assert!(page.contains("\r\nContent-Security-Policy: default-src 'none'; "), "{page}");
    assert!(page.ends_with("</html>\n"), "{page}");
}

#[test]
fn a_description_says_more_about_the_websocket() {
    let description = r"ws:0:interface=127.0.0.1:path=/room:origin=https\://chat.example";
    let mut chat = Running::start(Command::new(example_path("chat")).arg(description));
    let address = chat.line().strip_prefix("listening on ").unwrap().parse().unwrap();
    let status = |request: &str| {
        let mut socket = Socket::connect(address);
        socket.send(format!("GET {request}\nHost: chat.example\n\n").replace('\n', "\r\n"));
        socket.line().split(' ').nth(1).unwrap().to_owned()
    };
    let upgrade = "Connection: Upgrade\nUpgrade: websocket\nSec-WebSocket-Version: 13\n\
        Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==";
    for (path, origin, expected) in [
        ("/room", "https://chat.example", "101"),
        ("/", "https://chat.example", "404"),
        ("/room", "http://chat.example", "403"),
    ] {
        let answered = status(&format!("{path} HTTP/1.1\n{upgrade}\nOrigin: {origin}"));
        assert_eq!(answered, expected, "{path} {origin}");
    }
    assert_eq!(status("/room HTTP/1.1"), "200", "the page is where its WebSocket is");
    let finished = Running::start(Command::new(example_path("chat")).arg("ws:0:paht=/room")).finish();
    assert!(finished.errors.contains(r#"the endpoint "ws:0:paht=/room""#), "{}", finished.errors);
    assert!(finished.errors.contains("did you mean path?"), "{}", finished.errors);
}

#[test]
fn pages_of_others_may_not_listen_in() {
    let room = Room::open();
    let upgrade = "GET / HTTP/1.1\nHost: HOST\nConnection: Upgrade\nUpgrade: websocket\n\
        Sec-WebSocket-Version: 13\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\n";
    for (origin, status) in [
        ("", "101"),
        ("Origin: http://HOST\n", "101"),
        ("Origin: http://evil.example\n", "403"),
        ("Origin: http://HOST.evil.example\n", "403"),
        ("Origin: null\n", "403"),
    ] {
        let answer = answer(&room, &format!("{upgrade}{origin}\n"));
        assert!(answer.starts_with(&format!("HTTP/1.1 {status} ")), "{origin:?}: {answer}");
    }
}

/// The two ports are the same on each machine, so somebody else may be using them for a while.
#[test]
fn without_arguments_it_is_at_home_or_says_what_is_in_the_way() {
    let ports = [8123, 8080].map(|port| SocketAddr::from((Ipv4Addr::LOCALHOST, port)));
    let begin = Instant::now();
    let taken = loop {
        match ports.iter().map(TcpListener::bind).collect::<Result<Vec<_>, _>>() {
            Ok(taken) => break taken,
            Err(error) => {
                let advice = "the chat is at home on 8123 and 8080: end what listens there, and try again";
                assert!(begin.elapsed() < PATIENCE, "{advice} ({error})")
            }
        }
        thread::sleep(Duration::from_millis(100));
    };
    let [telnet, page]: [TcpListener; 2] = taken.try_into().unwrap();
    for (port, held) in [(8123, telnet), (8080, page)] {
        let finished = Running::start(&mut Command::new(example_path("chat"))).finish();
        assert_eq!(finished.status.code(), Some(1), "{finished:?}");
        assert_eq!(finished.output, "");
        let complaint = format!(
            "error: listening on 127.0.0.1:{port}: Address already in use (os error 98): name other endpoints, as in \
             chat 127.0.0.1:8124 ws:8081:interface=127.0.0.1\n"
        );
        assert_eq!(finished.errors, complaint);
        drop(held);
    }
    let mut chat = Running::start(&mut Command::new(example_path("chat")));
    assert_eq!([chat.line(), chat.line()], ["telnet 127.0.0.1 8123", "http://127.0.0.1:8080/"]);
    Socket::connect(ports[0]).expect("What's your name?\r\n");
    let mut browser = Socket::connect(ports[1]);
    browser.send("GET / HTTP/1.1\r\nHost: 127.0.0.1:8080\r\n\r\n");
    browser.expect("HTTP/1.1 200 OK\r\n");
    chat.signal(Signal::SIGINT);
    assert!(chat.finish().status.success());
}
