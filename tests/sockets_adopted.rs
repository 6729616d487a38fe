//! Sockets that were opened elsewhere.
#![cfg(unix)]
#![allow(clippy::unwrap_used, reason = "in a test a panic is the report")]

mod support;

use std::cell::RefCell;
use std::fs::{self, File};
use std::io::{ErrorKind, Read, Write};
use std::net::{TcpListener, TcpStream, UdpSocket};
use std::os::fd::{AsRawFd, OwnedFd};
use std::os::unix::net::{UnixDatagram, UnixListener, UnixStream};
use std::rc::Rc;
use std::time::Duration;

use ropewalk::{
    Address, AdoptedServerEndpoint, ConnectError, Reactor, ServerEndpoint, Transport, UnixAddress, factory_fn,
};
use support::{
    ANY_PORT, CLEAN, Event, Log, PATIENCE, Probe, dial, listen, pattern, run_until, run_until_empty, settle,
    with_peer,
};

#[test]
fn an_adopted_listener_serves_and_cannot_start_again() {
    let mut reactor = Reactor::new().unwrap();
    let log = Log::default();
    let socket = TcpListener::bind(ANY_PORT).unwrap();
    let address = socket.local_addr().unwrap();
    let port = reactor.adopt_listener(socket.into(), Probe::echo(&log).factory()).unwrap();
    assert_eq!(*port.address(), address.into());
    let heard = with_peer(&mut reactor, move || {
        let mut stream = dial(address);
        stream.write_all(b"hello").unwrap();
        let mut echo = [0; 5];
        stream.read_exact(&mut echo).unwrap();
        echo
    });
    assert_eq!(&heard, b"hello");
    drop(port.stop());
    assert_eq!(TcpStream::connect(address).unwrap_err().kind(), ErrorKind::ConnectionRefused);
    let error = port.start().unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unsupported);
    assert!(error.to_string().contains("the port was adopted, and its socket is closed"), "{error}");
    assert!(!port.is_listening());
}

#[test]
fn the_file_of_an_adopted_unix_listener_is_left_to_its_maker() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("socket");
    let mut reactor = Reactor::new().unwrap();
    let log = Log::default();
    let socket = UnixListener::bind(&path).unwrap();
    let port = reactor.adopt_listener(socket.into(), Probe::new(&log).factory()).unwrap();
    assert_eq!(*port.address(), UnixAddress::path(&path).into());
    let _stream = UnixStream::connect(&path).unwrap();
    run_until(&mut reactor, "connected", || log.has(&Event::Made));
    drop(port.stop());
    drop(reactor);
    assert!(path.exists());
}

#[test]
fn an_adopted_connection_of_unix_lives_as_any_other() {
    let mut reactor = Reactor::new().unwrap();
    let log = Log::default();
    let (near, far) = UnixStream::pair().unwrap();
    let made = Rc::new(RefCell::new(None));
    let hears = Rc::clone(&made);
    let adopted = reactor.adopt_connection(near.into(), Probe::echo(&log).factory()).unwrap();
    adopted.then(move |result| *hears.borrow_mut() = Some(result.unwrap()));
    let heard = with_peer(&mut reactor, move || {
        let mut far = far;
        far.set_read_timeout(Some(PATIENCE)).unwrap();
        far.write_all(b"hello").unwrap();
        far.shutdown(std::net::Shutdown::Write).unwrap();
        let mut all = Vec::new();
        far.read_to_end(&mut all).unwrap();
        all
    });
    assert_eq!(heard, b"hello");
    run_until_empty(&mut reactor);
    assert_eq!(log.lost().as_deref(), Some(CLEAN));
    let transport: Transport = made.take().unwrap();
    assert_eq!(*transport.peer(), UnixAddress::unnamed().into());
}

/// Twice adopted, a pair is two protocols that talk to each other and that nobody else can connect to.
#[test]
fn two_protocols_talk_over_a_pair() {
    let mut reactor = Reactor::new().unwrap();
    let (asking, answering) = (Log::default(), Log::default());
    let (near, far) = UnixStream::pair().unwrap();
    let asks = Probe::new(&asking).on_made(|transport| {
        transport.write("hello");
        transport.lose_write_connection();
    });
    drop(reactor.adopt_connection(near.into(), asks.factory()).unwrap());
    drop(reactor.adopt_connection(far.into(), Probe::echo(&answering).factory()).unwrap());
    run_until(&mut reactor, "both are lost", || asking.lost().is_some() && answering.lost().is_some());
    assert_eq!((asking.data(), answering.data()), (b"hello".to_vec(), b"hello".to_vec()));
    assert_eq!((asking.lost().as_deref(), answering.lost().as_deref()), (Some(CLEAN), Some(CLEAN)));
}

#[test]
fn an_adopted_connection_of_tcp_knows_its_peer() {
    let mut reactor = Reactor::new().unwrap();
    let (server, client) = (Log::default(), Log::default());
    let address = listen(&reactor, Probe::echo(&server).factory());
    let stream = TcpStream::connect(address).unwrap();
    let own = stream.local_addr().unwrap();
    let probe = Probe::new(&client).on_made(|transport| transport.write("hello"));
    reactor.adopt_connection(stream.into(), probe.factory()).unwrap().then(|result| drop(result.unwrap()));
    run_until(&mut reactor, "the echo", || client.data() == b"hello");
    assert_eq!(*client.transport().peer(), Address::from(address));
    assert_eq!(*client.transport().host(), Address::from(own));
}

#[test]
fn a_connection_that_is_full_when_it_is_adopted_is_made_all_the_same() {
    let mut reactor = Reactor::new().unwrap();
    let log = Log::default();
    let (mut near, mut far) = UnixStream::pair().unwrap();
    near.set_nonblocking(true).unwrap();
    let mut before = 0;
    while let Ok(count) = near.write(&[b'-'; 4096]) {
        before += count;
    }
    let probe = Probe::new(&log).on_made(|transport| {
        transport.write(pattern(1_000_000));
        transport.lose_connection();
    });
    reactor.adopt_connection(near.into(), probe.factory()).unwrap().then(|result| drop(result.unwrap()));
    run_until(&mut reactor, "it is made although nothing can be written", || log.has(&Event::Made));
    let heard = with_peer(&mut reactor, move || {
        let mut all = Vec::new();
        far.read_to_end(&mut all).unwrap();
        all
    });
    assert!(heard[before..] == pattern(1_000_000));
    run_until_empty(&mut reactor);
}

/// As long as somebody else has the socket, closing this side's descriptor does not end what the system reports of it.
#[test]
fn a_socket_that_others_have_too_is_left_altogether_and_can_be_adopted_again() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("socket");
    let (tcp, unix) = (TcpListener::bind(ANY_PORT).unwrap(), UnixListener::bind(&path).unwrap());
    let address = tcp.local_addr().unwrap();
    let mut reactor = Reactor::new().unwrap();
    for _ in 0..3 {
        for socket in [OwnedFd::from(tcp.try_clone().unwrap()), unix.try_clone().unwrap().into()] {
            let log = Log::default();
            let port = reactor.adopt_listener(socket, Probe::new(&log).factory()).unwrap();
            settle(&mut reactor);
            match port.address() {
                Address::Tcp(_) => drop(dial(address)),
                _ => drop(UnixStream::connect(&path).unwrap()),
            }
            run_until(&mut reactor, "a connection", || log.has(&Event::Made));
            drop(port.stop());
            run_until_empty(&mut reactor);
        }
    }
}

#[test]
fn a_connection_that_others_have_too_is_left_altogether_and_can_be_adopted_again() {
    let mut reactor = Reactor::new().unwrap();
    let listener = TcpListener::bind(ANY_PORT).unwrap();
    let tcp = (TcpStream::connect(listener.local_addr().unwrap()).unwrap(), listener.accept().unwrap().0);
    let (near, mut far) = UnixStream::pair().unwrap();
    let (tcp_near, mut tcp_far) = tcp;
    for _ in 0..3 {
        for descriptor in [OwnedFd::from(near.try_clone().unwrap()), tcp_near.try_clone().unwrap().into()] {
            let log = Log::default();
            let adopted = reactor.adopt_connection(descriptor, Probe::new(&log).factory()).unwrap();
            adopted.then(|result| drop(result.unwrap()));
            run_until(&mut reactor, "it is made", || log.has(&Event::Made));
            far.write_all(b"hello").unwrap();
            tcp_far.write_all(b"hello").unwrap();
            run_until(&mut reactor, "what comes", || log.data().starts_with(b"hello"));
            log.transport().abort_connection();
            run_until_empty(&mut reactor);
        }
    }
}

#[test]
fn what_cannot_be_adopted_is_named() {
    let reactor = Reactor::new().unwrap();
    let file = || OwnedFd::from(File::open("/dev/null").unwrap());
    let udp = || OwnedFd::from(UdpSocket::bind(ANY_PORT).unwrap());
    let datagrams = || OwnedFd::from(UnixDatagram::pair().unwrap().0);
    let connected = || OwnedFd::from(UnixStream::pair().unwrap().0);
    let packets = || {
        let kind = socket2::Type::SEQPACKET;
        OwnedFd::from(socket2::Socket::pair(socket2::Domain::UNIX, kind, None).unwrap().0)
    };
    let fresh =
        || OwnedFd::from(socket2::Socket::new(socket2::Domain::IPV4, socket2::Type::STREAM, None).unwrap());
    let listening = || OwnedFd::from(TcpListener::bind(ANY_PORT).unwrap());
    for (descriptor, words) in [
        (file(), "is not a socket"),
        (udp(), "is a socket for datagrams, not for streams"),
        (datagrams(), "is a socket for datagrams, not for streams"),
        (packets(), "is not a stream socket"),
        #[cfg(target_os = "linux")]
        (connected(), "is a socket that does not listen"),
        #[cfg(target_os = "linux")]
        (fresh(), "is a socket that does not listen"),
    ] {
        let error = reactor.adopt_listener(descriptor, factory_fn(|_| None)).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidInput);
        let text = error.to_string();
        assert!(text.starts_with("adopting a socket: the descriptor ") && text.contains(words), "{text}");
    }
    for (descriptor, words) in [
        (file(), "is not a socket"),
        (udp(), "is a socket for datagrams, not for streams"),
        #[cfg(target_os = "linux")]
        (listening(), "is a listening socket, not a connection"),
        (fresh(), "is not connected"),
    ] {
        let error = reactor.adopt_connection(descriptor, factory_fn(|_| None)).map(drop).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidInput);
        assert!(error.to_string().contains(words), "{error}");
    }
    let _ = (connected, listening);
}

#[test]
fn adopted_sockets_neither_block_nor_are_inherited() {
    let mut reactor = Reactor::new().unwrap();
    let socket = TcpListener::bind(ANY_PORT).unwrap();
    let other = socket.try_clone().unwrap();
    let adopted = socket2::Socket::from(socket);
    adopted.set_cloexec(false).unwrap();
    let number = adopted.as_raw_fd();
    let _port = reactor.adopt_listener(adopted.into(), factory_fn(|_| None)).unwrap();
    assert!(socket2::SockRef::from(&other).nonblocking().unwrap());
    if cfg!(target_os = "linux") {
        let info = fs::read_to_string(format!("/proc/self/fdinfo/{number}")).unwrap();
        let flags = info.lines().find_map(|line| line.strip_prefix("flags:")).unwrap();
        let close_on_exec = 0o2_000_000;
        assert_ne!(u32::from_str_radix(flags.trim(), 8).unwrap() & close_on_exec, 0, "{info}");
    }
    // The loop does not hang in an accept for which nobody is there.
    let _ = reactor.run_once(Some(Duration::ZERO)).unwrap();
}

#[test]
fn an_adopted_connection_that_nobody_wants_is_closed() {
    let mut reactor = Reactor::new().unwrap();
    let (near, mut far) = UnixStream::pair().unwrap();
    let refused = Rc::new(RefCell::new(false));
    let hears = Rc::clone(&refused);
    reactor.adopt_connection(near.into(), factory_fn(|_| None)).unwrap().then(move |result| {
        *hears.borrow_mut() = matches!(result, Err(ConnectError::NoProtocol { .. }));
    });
    run_until(&mut reactor, "the refusal", || *refused.borrow());
    assert_eq!(far.read(&mut [0; 8]).unwrap(), 0);
}

#[test]
fn an_adopted_endpoint_is_used_up_by_listening() {
    let mut reactor = Reactor::new().unwrap();
    let log = Log::default();
    let socket = TcpListener::bind(ANY_PORT).unwrap();
    let address = socket.local_addr().unwrap();
    let endpoint = AdoptedServerEndpoint::new(socket);
    let _port = endpoint.listen(&reactor, Probe::new(&log).factory()).unwrap();
    let _stream = dial(address);
    run_until(&mut reactor, "connected", || log.has(&Event::Made));
    let error = endpoint.listen(&reactor, factory_fn(|_| None)).unwrap_err();
    assert_eq!(error.to_string(), "an adopted socket can be listened on once, and it was already");
    settle(&mut reactor);
}

#[test]
fn after_the_reactor_nothing_is_adopted() {
    let handle = (*Reactor::new().unwrap()).clone();
    let (near, mut far) = UnixStream::pair().unwrap();
    handle.adopt_connection(near.into(), factory_fn(|_| None)).map(drop).unwrap_err();
    assert_eq!(far.read(&mut [0; 8]).unwrap(), 0, "the descriptor was not closed");
}
