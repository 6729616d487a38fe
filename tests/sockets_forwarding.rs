//! Pipes, forwarded ports and limits over real sockets.
#![allow(clippy::unwrap_used, reason = "in a test a panic is the report")]

mod support;

use std::io::{ErrorKind, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::mpsc::{self, Sender};
use std::thread;
use std::time::Duration;

use ropewalk::{
    Factory, LimitConnections, LimitPerPeer, Policy, PortForward, Reactor, ServerEndpoint, TcpClientEndpoint,
    TcpServerEndpoint, WebSocketServerConfig, WebSocketServerEndpoint,
};
use support::{
    Log, Probe, dead_address, dial, dial_with_small_window, listen, pattern, read_all, read_to_end, reset,
    run_until, run_until_empty, settle, socket_address, with_peer,
};

fn forward_to(target: SocketAddr) -> impl Factory {
    PortForward::new(TcpClientEndpoint::from(target))
}

/// Reads everything, slowly at first.
fn read_slowly(stream: &TcpStream) -> Vec<u8> {
    let mut all = vec![0; 10_000];
    for piece in all.chunks_mut(1000) {
        thread::sleep(Duration::from_millis(2));
        (&mut &*stream).read_exact(piece).unwrap();
    }
    all.extend(read_all(stream));
    all
}

/// Five megabytes each way at once, both ends reading slowly at first: all arrives, and hardly anything waits in this process.
#[test]
fn s75_bulk_both_ways_with_slow_readers() {
    const LENGTH: usize = 5 * 1024 * 1024;
    let mut reactor = Reactor::new().unwrap();
    let target = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listen(&reactor, forward_to(target.local_addr().unwrap()));
    let client = dial_with_small_window(address);
    let serve = move || {
        let stream = target.accept().unwrap().0;
        let writer = stream.try_clone().unwrap();
        let writing = thread::spawn(move || {
            (&writer).write_all(&pattern(LENGTH)).unwrap();
            writer.shutdown(Shutdown::Write).unwrap();
        });
        let heard = read_slowly(&stream);
        writing.join().unwrap();
        heard
    };
    let backend = thread::spawn(serve);
    let (heard, also_heard) = with_peer(&mut reactor, move || {
        let writer = client.try_clone().unwrap();
        let writing = thread::spawn(move || {
            (&writer).write_all(&pattern(LENGTH)).unwrap();
            writer.shutdown(Shutdown::Write).unwrap();
        });
        let heard = read_slowly(&client);
        writing.join().unwrap();
        (heard, backend.join().unwrap())
    });
    assert!(heard == pattern(LENGTH) && also_heard == pattern(LENGTH));
    run_until_empty(&mut reactor);
    let peak = reactor.stats().output_buffered_peak;
    // Twice a mark and one read.
    assert!(peak <= 2 * (128 + 64) * 1024, "{peak} bytes waited at once");
}

/// The tail of a reply arrives although the backend has closed long before it is read.
#[test]
fn the_tail_of_a_reply_is_never_lost() {
    const LENGTH: usize = 3_000_000;
    let mut reactor = Reactor::new().unwrap();
    let log = Log::default();
    let backend = Probe::new(&log).on_data(|transport, _| {
        transport.write(pattern(LENGTH));
        transport.lose_connection();
        Ok(())
    });
    let target = listen(&reactor, backend.factory());
    let address = listen(&reactor, forward_to(target));
    let heard = with_peer(&mut reactor, move || {
        let mut client = dial_with_small_window(address);
        client.write_all(b"request").unwrap();
        read_slowly(&client)
    });
    assert!(heard == pattern(LENGTH), "{} bytes arrived", heard.len());
    run_until_empty(&mut reactor);
}

/// A backend that is not there: the client reads an orderly end, and no timer is left.
#[test]
fn a_refusing_backend_closes_the_client() {
    let mut reactor = Reactor::new().unwrap();
    let address = listen(&reactor, forward_to(dead_address()));
    for _ in 0..20 {
        let (heard, end) = with_peer(&mut reactor, move || {
            let mut client = dial(address);
            client.write_all(b"hello").unwrap();
            read_to_end(&client)
        });
        end.unwrap();
        assert!(heard.is_empty());
    }
    run_until_empty(&mut reactor);
    assert_eq!(reactor.stats().connections_opened, 20, "the attempts are no connections");
    assert_eq!(reactor.stats().timers, 0);
}

/// A backend that says half of it and resets the connection when it is told to.
fn half_a_backend() -> (SocketAddr, Sender<()>) {
    let target = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = target.local_addr().unwrap();
    let (tell, told) = mpsc::channel();
    thread::spawn(move || {
        let mut stream = target.accept().unwrap().0;
        stream.write_all(b"half").unwrap();
        told.recv().unwrap();
        reset(stream);
    });
    (address, tell)
}

/// Half of an answer does not pass for all of it.
#[test]
fn a_backend_that_breaks_off_is_no_orderly_end() {
    let mut reactor = Reactor::new().unwrap();
    let (target, resets) = half_a_backend();
    let address = listen(&reactor, forward_to(target));
    let (_, end) = with_peer(&mut reactor, move || {
        let mut client = dial(address);
        client.read_exact(&mut [0; 4]).unwrap();
        resets.send(()).unwrap();
        read_to_end(&client)
    });
    assert_eq!(end.unwrap_err().kind(), ErrorKind::ConnectionReset);
    run_until_empty(&mut reactor);
}

/// A browser is told by a code.
#[test]
fn a_websocket_hears_that_its_backend_has_broken_off() {
    const REQUEST: &str = "GET / HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
        Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n";
    const ANSWER_LENGTH: usize = 129;
    let mut reactor = Reactor::new().unwrap();
    let (target, resets) = half_a_backend();
    let tcp: TcpServerEndpoint = "127.0.0.1:0".parse().unwrap();
    let endpoint = WebSocketServerEndpoint::new(tcp, WebSocketServerConfig::new());
    let port = endpoint.listen(&reactor, forward_to(target)).unwrap();
    let address = socket_address(port.address());
    let (heard, end) = with_peer(&mut reactor, move || {
        let mut client = dial(address);
        client.write_all(REQUEST.as_bytes()).unwrap();
        let mut half = [0; ANSWER_LENGTH + 6];
        client.read_exact(&mut half).unwrap();
        assert_eq!(half[ANSWER_LENGTH..], *b"\x82\x04half");
        resets.send(()).unwrap();
        read_to_end(&client)
    });
    end.unwrap();
    // A close frame: 1011.
    assert_eq!(heard, b"\x88\x02\x03\xf3");
    run_until_empty(&mut reactor);
}

/// Clients that vanish, before or after their backend is there, leave no connection and no timer.
#[test]
fn clients_that_reset_leave_nothing_behind() {
    let mut reactor = Reactor::new().unwrap();
    let log = Log::default();
    let target = listen(&reactor, Probe::echo(&log).factory());
    let address = listen(&reactor, forward_to(target));
    settle(&mut reactor);
    for turns in 0..30 {
        let mut client = dial(address);
        client.write_all(b"hello").unwrap();
        for _ in 0..turns / 3 {
            let _ = reactor.run_once(Some(Duration::ZERO)).unwrap();
        }
        reset(client);
    }
    let handle = reactor.handle();
    run_until(&mut reactor, "all have gone", || {
        let stats = handle.stats();
        stats.connections_opened >= 30 && stats.connections == 0 && stats.timers == 0
    });
}

/// The one too many reads an orderly end at once; a place that has become free is given again.
#[test]
fn s108_limits_refuse_over_sockets() {
    let mut reactor = Reactor::new().unwrap();
    let (total, per_peer) = (LimitConnections::new(10), LimitPerPeer::new(2));
    let log = Log::default();
    let factory = total.clone().around(per_peer.clone().around(Probe::echo(&log).factory()));
    let address = listen(&reactor, factory);
    let kept = [dial(address), dial(address)];
    run_until(&mut reactor, "two connections", || total.connections() == 2);
    let heard = with_peer(&mut reactor, move || read_all(&dial(address)));
    assert!(heard.is_empty());
    run_until(&mut reactor, "the third is forgotten", || total.connections() == 2);
    drop(kept);
    run_until(&mut reactor, "both places are free", || total.connections() == 0);
    assert_eq!(per_peer.connections(address.ip()), 0);
    let heard = with_peer(&mut reactor, move || {
        let mut stream = dial(address);
        stream.write_all(b"again").unwrap();
        stream.shutdown(Shutdown::Write).unwrap();
        read_all(&stream)
    });
    assert_eq!(heard, b"again");
}
