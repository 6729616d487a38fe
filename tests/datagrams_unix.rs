//! UNIX sockets for datagrams.
#![cfg(unix)]
#![allow(clippy::unwrap_used, reason = "in a test a panic is the report")]

mod packets;
mod support;

use std::io;
use std::os::unix::net::UnixDatagram;
use std::path::{Path, PathBuf};

use packets::{Log, Probe};
use ropewalk::{DatagramOptions, DatagramSendError, Reactor, UnixAddress, UnixDatagramEndpoint};
use support::run_until;

/// A socket of the peer's on which nothing takes for ever.
fn peer(path: &Path) -> UnixDatagram {
    let socket = UnixDatagram::bind(path).unwrap();
    socket.set_read_timeout(Some(support::PATIENCE)).unwrap();
    socket
}

fn endpoint(path: impl Into<PathBuf>) -> UnixDatagramEndpoint {
    UnixAddress::path(path).into()
}

#[track_caller]
fn receive(peer: &UnixDatagram) -> Vec<u8> {
    let mut buffer = vec![0; 300_000];
    let length = peer.recv(&mut buffer).unwrap();
    buffer.truncate(length);
    buffer
}

#[test]
fn a_named_peer_is_answered_and_a_nameless_one_cannot_be() {
    let directory = tempfile::tempdir().unwrap();
    let (ours, theirs) = (directory.path().join("ours"), directory.path().join("theirs"));
    let mut reactor = Reactor::new().unwrap();
    let log = Log::default();
    let known = log.clone();
    let probe = Probe::new(&log).on_datagram(move |transport, data, from| {
        known.push(format!("from {from}"));
        if let Err(error) = transport.send_to(data, from) {
            assert_eq!(error, DatagramSendError::NoName);
            known.push("no answer");
        }
        Ok(())
    });
    let echo = endpoint(&ours).listen(&reactor, probe).unwrap();
    assert_eq!(echo.host().to_string(), ours.display().to_string());
    let named = peer(&theirs);
    named.send_to(b"hello", &ours).unwrap();
    UnixDatagram::unbound().unwrap().send_to(b"boo", &ours).unwrap();
    run_until(&mut reactor, "both are heard", || log.has("no answer"));
    assert_eq!(receive(&named), b"hello");
    let from = format!("from {}", theirs.display());
    let nameless = "from a UNIX socket without a name";
    assert_eq!(log.heard(), ["started", "got hello", &from, "got boo", nameless, "no answer"]);
}

#[test]
fn a_long_datagram_is_heard_whole_or_reported() {
    let directory = tempfile::tempdir().unwrap();
    let mut reactor = Reactor::new().unwrap();
    let (narrow, wide) = (Log::default(), Log::default());
    let mut options = DatagramOptions::default();
    options.max_packet_size = 150_000;
    endpoint(directory.path().join("narrow")).listen(&reactor, Probe::new(&narrow)).unwrap();
    let probe = Probe::new(&wide).on_datagram(|_, data, _| {
        assert!(data == support::pattern(data.len()));
        Ok(())
    });
    endpoint(directory.path().join("wide")).with_options(options).listen(&reactor, probe).unwrap();
    let peer = UnixDatagram::unbound().unwrap();
    for length in [65_535, 65_536, 150_000, 150_001] {
        for name in ["narrow", "wide"] {
            peer.send_to(&support::pattern(length), directory.path().join(name)).unwrap();
            support::settle(&mut reactor);
        }
    }
    let complaint = |limit: usize| {
        let nameless = "a UNIX socket without a name";
        format!("error a datagram from {nameless} was dropped: it is longer than {limit} bytes")
    };
    assert_eq!(narrow.heard()[..2], ["started", "got 65535 bytes"]);
    assert_eq!(narrow.heard()[2..], vec![complaint(65_535); 3]);
    let heard = ["started", "got 65535 bytes", "got 65536 bytes", "got 150000 bytes", &complaint(150_000)];
    assert_eq!(wide.heard(), heard);
    assert_eq!(reactor.stats().panics, 0);
}

#[test]
fn a_datagram_that_the_system_finds_too_long_is_reported() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("socket");
    let _peer = peer(&path);
    let mut reactor = Reactor::new().unwrap();
    let log = Log::default();
    let mut options = DatagramOptions::default();
    options.output_limit = 100_000_000;
    let socket = endpoint(&path).with_options(options).connect(&reactor, Probe::new(&log)).unwrap();
    socket.send(vec![0; 50_000_000]).unwrap();
    support::settle(&mut reactor);
    let complaint = format!("error sending to {}: Message too long (os error 90)", path.display());
    assert_eq!(log.heard(), ["started", &complaint]);
}

#[test]
fn what_a_connected_peer_does_not_take_waits_in_order() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("slow");
    let slow = peer(&path);
    let mut reactor = Reactor::new().unwrap();
    let log = Log::default();
    let mut options = DatagramOptions::default();
    options.output_limit = 100_000_000;
    let socket = endpoint(&path).with_options(options).connect(&reactor, Probe::new(&log)).unwrap();
    for number in 0..10_000_u32 {
        socket.send(number.to_be_bytes()).unwrap();
    }
    support::settle(&mut reactor);
    assert!(socket.queued() > 5000, "{}", socket.queued());
    support::assert_rests(&mut reactor);
    let received = support::with_peer(&mut reactor, move || {
        (0..10_000_u32).all(|number| receive(&slow) == number.to_be_bytes())
    });
    assert!(received);
    assert_eq!((socket.queued(), log.heard()), (0, vec!["started".to_owned()]));
}

#[test]
fn a_receiver_that_does_not_keep_up_is_reported_and_holds_up_no_other() {
    let directory = tempfile::tempdir().unwrap();
    let (slow, quick) = (peer(&directory.path().join("slow")), peer(&directory.path().join("quick")));
    let mut reactor = Reactor::new().unwrap();
    let log = Log::default();
    let socket = endpoint(directory.path().join("ours")).listen(&reactor, Probe::new(&log)).unwrap();
    for _ in 0..3000 {
        socket.send_to("x", &UnixAddress::path(directory.path().join("slow")).into()).unwrap();
    }
    socket.send_to("y", &UnixAddress::path(directory.path().join("quick")).into()).unwrap();
    run_until(&mut reactor, "some are reported", || log.count("error") > 0);
    support::settle(&mut reactor);
    let complaint = format!(
        "error sending to {}: the receiver does not keep up",
        directory.path().join("slow").display()
    );
    assert_eq!(log.heard()[1], complaint);
    slow.set_nonblocking(true).unwrap();
    let arrived = std::iter::from_fn(|| slow.recv(&mut [0; 8]).ok()).count();
    assert_eq!(arrived + log.count("error"), 3000);
    assert_eq!(receive(&quick), b"y");
}

#[test]
fn a_peer_that_goes_is_reported_and_so_is_one_that_was_never_there() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("peer");
    let mut reactor = Reactor::new().unwrap();
    let log = Log::default();
    let error = endpoint(&path).connect(&reactor, Probe::new(&log)).unwrap_err();
    assert_eq!(error.kind(), io::ErrorKind::NotFound);
    assert!(error.to_string().starts_with(&format!("connecting to {}: ", path.display())), "{error}");
    let peer = peer(&path);
    let socket = endpoint(&path).connect(&reactor, Probe::new(&log)).unwrap();
    assert_eq!(socket.host().to_string(), "a UNIX socket without a name");
    drop(peer);
    socket.send("anybody?").unwrap();
    support::settle(&mut reactor);
    let refusal = format!("error {} refused a datagram: nobody receives there", path.display());
    assert_eq!(log.heard(), ["started", &refusal]);
}

#[test]
fn a_name_of_its_own_that_is_taken_does_not_pass_for_the_peers() {
    let directory = tempfile::tempdir().unwrap();
    let (own, path) = (directory.path().join("own"), directory.path().join("peer"));
    let (_taken, _peer) = (peer(&own), peer(&path));
    let mut options = DatagramOptions::default();
    options.bind = Some(UnixAddress::path(&own).into());
    let reactor = Reactor::new().unwrap();
    let endpoint = endpoint(&path).with_options(options);
    let error = endpoint.connect(&reactor, Probe::new(&Log::default())).unwrap_err();
    let why = format!("cannot connect from {}: there is a socket already, which is in use", own.display());
    assert_eq!(error.to_string(), format!("connecting to {}: {why}", path.display()));
}

#[cfg(target_os = "linux")]
#[test]
fn an_abstract_name_needs_no_file() {
    let mut reactor = Reactor::new().unwrap();
    let log = Log::default();
    let name = UnixAddress::abstract_name(format!("ropewalk-test-{}", std::process::id()));
    let echo = UnixDatagramEndpoint::from(name.clone()).listen(&reactor, Probe::echo(&log)).unwrap();
    assert_eq!(echo.host().to_string(), name.to_string());
    let client = Log::default();
    let mut options = DatagramOptions::default();
    options.bind = Some(UnixAddress::abstract_name(format!("ropewalk-client-{}", std::process::id())).into());
    let endpoint = UnixDatagramEndpoint::from(name).with_options(options);
    let probe = Probe::new(&client).on_started(|transport| transport.send("hello").unwrap());
    endpoint.connect(&reactor, probe).unwrap();
    run_until(&mut reactor, "the echo is heard", || client.has("got hello"));
    assert!(log.has("got hello"));
}
