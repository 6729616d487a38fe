//! UNIX sockets: their files, their names, and connections over them.
#![cfg(unix)]
#![allow(clippy::unwrap_used, reason = "in a test a panic is the report")]

mod support;

use std::cell::RefCell;
use std::fs;
use std::io::{ErrorKind, Read, Write};
use std::net::Shutdown;
use std::os::unix::fs::FileTypeExt;
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};
use std::rc::Rc;

use ropewalk::{
    Address, ClientEndpoint, ConnectOptions, Factory, ListenOptions, ListeningPort, Reactor, ServerEndpoint,
    UnixAddress, UnixClientEndpoint, UnixServerEndpoint, factory_fn,
};
use support::{
    CLEAN, Event, Log, PATIENCE, Probe, assert_rests, pattern, run_until, run_until_empty, settle, with_peer,
};
use tempfile::TempDir;

/// A path in a directory of its own.
fn place() -> (TempDir, PathBuf) {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("socket");
    (directory, path)
}

#[track_caller]
fn listen(reactor: &Reactor, path: &Path, factory: impl Factory + 'static) -> ListeningPort {
    reactor.listen(UnixAddress::path(path), ListenOptions::default(), factory).unwrap()
}

#[track_caller]
fn dial(path: &Path) -> UnixStream {
    let stream = UnixStream::connect(path).unwrap();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    stream.set_write_timeout(Some(PATIENCE)).unwrap();
    stream
}

#[track_caller]
fn read_all(mut stream: &UnixStream) -> Vec<u8> {
    let mut all = Vec::new();
    stream.read_to_end(&mut all).unwrap();
    all
}

/// A socket such as a server leaves behind that is killed.
fn leave_behind(path: &Path) {
    drop(UnixListener::bind(path).unwrap());
    assert!(fs::symlink_metadata(path).unwrap().file_type().is_socket());
}

/// What a client hears that says `words` and finishes.
#[track_caller]
fn echo_of(reactor: &mut Reactor, path: &Path, words: &'static [u8]) -> Vec<u8> {
    let path = path.to_owned();
    with_peer(reactor, move || {
        let mut stream = dial(&path);
        stream.write_all(words).unwrap();
        stream.shutdown(Shutdown::Write).unwrap();
        read_all(&stream)
    })
}

#[test]
fn a_server_and_a_client_talk_and_know_their_names() {
    let (_directory, path) = place();
    let mut reactor = Reactor::new().unwrap();
    let (server, client) = (Log::default(), Log::default());
    let endpoint: UnixServerEndpoint = path.to_str().unwrap().parse().unwrap();
    assert_eq!(endpoint.to_string(), path.to_str().unwrap());
    let port = endpoint.listen(&reactor, Probe::echo(&server).factory()).unwrap();
    let named = Address::from(UnixAddress::path(&path));
    assert_eq!(*port.address(), named);
    let probe = Probe::new(&client).on_made(|transport| transport.write("hello"));
    let endpoint: UnixClientEndpoint = path.to_str().unwrap().parse().unwrap();
    endpoint.connect(&reactor, probe.factory()).then(|result| drop(result.unwrap()));
    run_until(&mut reactor, "the echo", || client.data() == b"hello");
    let unnamed = Address::from(UnixAddress::unnamed());
    assert_eq!((server.transport().peer(), server.transport().host()), (&unnamed, &named));
    assert_eq!((client.transport().peer(), client.transport().host()), (&named, &unnamed));
    // Options of TCP mean nothing here and do no harm.
    client.transport().set_nodelay(false);
    client.transport().set_keepalive(Some(PATIENCE));
    client.transport().lose_connection();
    run_until_empty(&mut reactor);
    assert_eq!((server.lost().as_deref(), client.lost().as_deref()), (Some(CLEAN), Some(CLEAN)));
}

#[test]
fn a_client_with_a_name_is_known_by_it() {
    let (directory, path) = place();
    let mut reactor = Reactor::new().unwrap();
    let log = Log::default();
    let _port = listen(&reactor, &path, Probe::new(&log).factory());
    let name = directory.path().join("client");
    let socket = socket2::Socket::new(socket2::Domain::UNIX, socket2::Type::STREAM, None).unwrap();
    socket.bind(&socket2::SockAddr::unix(&name).unwrap()).unwrap();
    socket.connect(&socket2::SockAddr::unix(&path).unwrap()).unwrap();
    run_until(&mut reactor, "connected", || log.has(&Event::Made));
    assert_eq!(*log.transport().peer(), UnixAddress::path(&name).into());
}

/// A server that accepts nobody, and those who wait.
fn busy_server(path: &Path) -> (socket2::Socket, Vec<socket2::Socket>) {
    let name = socket2::SockAddr::unix(path).unwrap();
    let server = socket2::Socket::new(socket2::Domain::UNIX, socket2::Type::STREAM, None).unwrap();
    server.bind(&name).unwrap();
    server.listen(1).unwrap();
    let mut waiting = Vec::new();
    loop {
        let client = socket2::Socket::new(socket2::Domain::UNIX, socket2::Type::STREAM, None).unwrap();
        client.set_nonblocking(true).unwrap();
        if client.connect(&name).is_err() {
            return (server, waiting);
        }
        waiting.push(client);
        assert!(waiting.len() < 1000, "the queue has no end");
    }
}

#[test]
fn the_file_goes_when_the_port_stops_and_comes_back_when_it_starts() {
    let (_directory, path) = place();
    let mut reactor = Reactor::new().unwrap();
    let port = listen(&reactor, &path, Probe::echo(&Log::default()).factory());
    settle(&mut reactor);
    drop(port.stop());
    assert!(!path.exists());
    port.start().unwrap();
    assert_eq!(echo_of(&mut reactor, &path, b"again"), b"again");
    drop(reactor);
    assert!(!path.exists(), "the reactor has left its socket behind");
}

#[test]
#[cfg(target_os = "linux")]
fn an_abstract_name_is_in_no_file_system() {
    use std::os::linux::net::SocketAddrExt;
    use std::os::unix::net::SocketAddr;
    let mut reactor = Reactor::new().unwrap();
    let log = Log::default();
    let name = format!("ropewalk test {}", std::process::id());
    let endpoint: UnixServerEndpoint = format!("@{name}").parse().unwrap();
    assert_eq!(endpoint.to_string(), format!("@{name}"));
    let port = endpoint.listen(&reactor, Probe::echo(&log).factory()).unwrap();
    assert_eq!(*port.address(), UnixAddress::abstract_name(name.as_bytes()).into());
    let error = endpoint.listen(&reactor, factory_fn(|_| None)).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::AddrInUse);
    let other = SocketAddr::from_abstract_name(name.as_bytes()).unwrap();
    UnixStream::connect_addr(&other).unwrap();
    let client = Log::default();
    let probe = Probe::new(&client).on_made(|transport| transport.write("hello"));
    let endpoint: UnixClientEndpoint = format!("@{name}").parse().unwrap();
    endpoint.connect(&reactor, probe.factory()).then(|result| drop(result.unwrap()));
    run_until(&mut reactor, "the echo", || client.data() == b"hello");
}

#[test]
fn names_that_are_none_are_errors() {
    for (address, words) in [
        (UnixAddress::path("x".repeat(200)), "the path is too long: it has 200 bytes"),
        (UnixAddress::path(""), "the path is empty"),
        (UnixAddress::unnamed(), "a socket without a name is no place"),
    ] {
        let heard = failure(reactor_of_its_own(), address, &ConnectOptions::default());
        assert!(heard.contains(words), "{heard}");
    }
    for (text, words) in [("", "has no path"), ("@", "has no path"), ("a\0b", "contains a zero byte")] {
        assert!(text.parse::<UnixServerEndpoint>().unwrap_err().to_string().contains(words));
        assert!(text.parse::<UnixClientEndpoint>().unwrap_err().to_string().contains(words));
    }
}

fn reactor_of_its_own() -> Reactor {
    Reactor::new().unwrap()
}

/// Why there is no connection.
#[track_caller]
fn failure(mut reactor: Reactor, address: UnixAddress, options: &ConnectOptions) -> String {
    let heard = Rc::new(RefCell::new(None));
    let hears = Rc::clone(&heard);
    let attempt = reactor.connect(address, options, factory_fn(|_| None));
    attempt.then(move |result| *hears.borrow_mut() = Some(result.unwrap_err().to_string()));
    run_until(&mut reactor, "the failure", || heard.borrow().is_some());
    heard.take().unwrap()
}

#[test]
fn attempts_that_fail_say_why() {
    let (directory, path) = place();
    let options = ConnectOptions::default();
    let nowhere = directory.path().join("nowhere");
    let text = failure(reactor_of_its_own(), UnixAddress::path(&nowhere), &options);
    assert!(text.starts_with(&format!("connecting to {}: No such file", nowhere.display())), "{text}");
    leave_behind(&path);
    let text = failure(reactor_of_its_own(), UnixAddress::path(&path), &options);
    assert!(text.contains("Connection refused"), "{text}");
    let mut bound = ConnectOptions::default();
    bound.bind = Some(support::ANY_PORT);
    let text = failure(reactor_of_its_own(), UnixAddress::path(&path), &bound);
    assert!(text.ends_with("the families of the addresses differ"), "{text}");
}

#[test]
#[cfg(target_os = "linux")]
fn a_server_whose_queue_is_full_is_an_error_and_no_wait() {
    let (_directory, path) = place();
    let _server = busy_server(&path);
    let text = failure(reactor_of_its_own(), UnixAddress::path(&path), &ConnectOptions::default());
    assert!(text.ends_with("its queue of connections is full"), "{text}");
}

#[test]
fn both_sides_may_finish_first() {
    let (_directory, path) = place();
    let mut reactor = Reactor::new().unwrap();
    let log = Log::default();
    let probe = Probe::new(&log).on_made(|transport| {
        transport.write(pattern(1_000_000));
        transport.lose_write_connection();
    });
    let port = listen(&reactor, &path, probe.factory());
    let place = path.clone();
    let heard = with_peer(&mut reactor, move || {
        let mut stream = dial(&place);
        let heard = read_all(&stream);
        stream.write_all(b"still heard").unwrap();
        heard
    });
    assert!(heard == pattern(1_000_000));
    run_until_empty(&mut reactor);
    assert_eq!(log.data(), b"still heard");
    assert_eq!(log.callbacks(), [Event::Made, Event::EndOfInput, Event::Lost(CLEAN.into())]);
    drop(port.stop());

    let log = Log::default();
    let probe = Probe::new(&log).on_end_of_input(|transport| {
        transport.write("the answer");
        transport.lose_connection();
    });
    let _port = listen(&reactor, &path, probe.factory());
    assert_eq!(echo_of(&mut reactor, &path, b"a question"), b"the answer");
}

#[test]
fn all_that_was_written_arrives_although_the_peer_sends_more_than_is_read() {
    let (_directory, path) = place();
    let mut reactor = Reactor::new().unwrap();
    let log = Log::default();
    let probe = Probe::new(&log).on_data(|transport, _| {
        transport.write(pattern(5 * 1024 * 1024));
        transport.lose_connection();
        Ok(())
    });
    let _port = listen(&reactor, &path, probe.factory());
    let heard = with_peer(&mut reactor, move || {
        let mut stream = dial(&path);
        // More than is read: closed over it, the connection would end in an error.
        stream.write_all(&[b'x'; 100_000]).unwrap();
        read_all(&stream)
    });
    assert!(heard == pattern(5 * 1024 * 1024), "{} bytes arrived", heard.len());
    run_until_empty(&mut reactor);
    assert_eq!(log.lost().as_deref(), Some(CLEAN));
}

#[test]
fn a_peer_that_does_not_read_holds_up_the_writer_and_the_loop_rests() {
    let (_directory, path) = place();
    let mut reactor = Reactor::new().unwrap();
    let log = Log::default();
    let _port = listen(&reactor, &path, Probe::echo(&log).factory());
    let mut stream = dial(&path);
    stream.set_nonblocking(true).unwrap();
    let mut sent = 0;
    run_until(&mut reactor, "nobody takes any more", || {
        let before = sent;
        while let Ok(count) = stream.write(&[7; 10_000]) {
            sent += count;
        }
        before == sent && sent > 0 && log.has(&Event::WritingPaused)
    });
    assert!(sent < 4_000_000, "{sent} bytes were taken");
    assert_rests(&mut reactor);
    stream.set_nonblocking(false).unwrap();
    stream.shutdown(Shutdown::Write).unwrap();
    let heard = with_peer(&mut reactor, move || read_all(&stream));
    assert_eq!(heard.len(), sent);
    run_until_empty(&mut reactor);
}

#[test]
fn peers_that_are_gone_are_noticed() {
    let (_directory, path) = place();
    let mut reactor = Reactor::new().unwrap();
    let log = Log::default();
    let probe = Probe::new(&log).on_made(|transport| transport.write(vec![0; 5_000_000]));
    let _port = listen(&reactor, &path, probe.factory());
    for round in 1..=20 {
        drop(dial(&path));
        run_until(&mut reactor, "its loss", || log.losses() == round);
    }
    assert_eq!(reactor.stats().connections, 0);
}

#[test]
fn without_descriptors_those_who_wait_are_refused_in_the_end() {
    support::alone("without_descriptors_those_who_wait_are_refused_in_the_end", 64, || {
        let (_directory, path) = place();
        let mut reactor = Reactor::new().unwrap();
        let log = Log::default();
        let _port = listen(&reactor, &path, Probe::echo(&log).factory());
        settle(&mut reactor);
        let mut streams: Vec<_> = std::iter::from_fn(|| UnixStream::connect(&path).ok()).collect();
        assert!(streams.len() > 20);
        let first = &mut streams[0];
        first.set_nonblocking(true).unwrap();
        let turns = reactor.stats().turns;
        while !matches!(first.read(&mut [0; 8]), Ok(0)) {
            let _ = reactor.run_once(Some(PATIENCE)).unwrap();
            assert!(reactor.stats().turns - turns < 50, "the loop spins");
        }
        drop(streams);
        let handle = reactor.handle();
        run_until(&mut reactor, "the port's wait is over", || handle.stats().timers == 0);
        assert_eq!(echo_of(&mut reactor, &path, b"hello"), b"hello");
    });
}

#[test]
#[cfg(target_os = "linux")]
fn what_follows_an_urgent_byte_is_read() {
    let (_directory, path) = place();
    let mut reactor = Reactor::new().unwrap();
    let log = Log::default();
    let _port = listen(&reactor, &path, Probe::new(&log).factory());
    let mut stream = dial(&path);
    stream.write_all(b"before").unwrap();
    if socket2::SockRef::from(&stream).send_out_of_band(b"!").is_err() {
        eprintln!("skipped: UNIX sockets have no urgent data here");
        return;
    }
    stream.write_all(b"after").unwrap();
    run_until(&mut reactor, "all of it", || log.data().ends_with(b"after"));
}
